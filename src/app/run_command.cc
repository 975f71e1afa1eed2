#include "app/become_gate.h"
#include "app/commands.h"
#include "app/print.h"

namespace notaus::app {

int run_command(const Common& common, const RunFlags& flags, const std::vector<std::string>& command) {
  const GateFlags gate{"run", {{"--tenant", flags.tenant}, {"--agent", flags.agent}, {"--tool", flags.tool}}};
  if (auto good = check_names(gate.flags); !good) return usage(good.error().what);
  if (command.empty()) return usage("no command: write `notaus run -- COMMAND`");
  auto place = made_place(common);
  if (!place) return fail(place.error());
  prepare(*place);
  return become_gate(*place, gate, command);
}

}  // namespace notaus::app
