#include <fmt/format.h>

#include "app/become_gate.h"
#include "app/commands.h"
#include "app/print.h"
#include "app/server_tools.h"

namespace notaus::app {

int mcp_command(const Common& common, const McpFlags& flags, const std::vector<std::string>& given) {
  const GateFlags gate{"mcp", {{"--tenant", flags.tenant}, {"--agent", flags.agent}, {"--server", flags.server}}};
  if (auto good = check_names(gate.flags); !good) return usage(good.error().what);
  auto found = find_place(common);
  if (!found) return fail(found.error());
  if (!found->config_trouble.empty()) return fail({Kind::broken, found->config_trouble});
  auto command = given.empty() ? configured_command(*found, flags.server) : Result<std::vector<std::string>>(given);
  if (!command) return usage(command.error().what);
  auto place = made_place(common);
  if (!place) return fail(place.error());
  prepare(*place);
  return become_gate(*place, gate, *command);
}

}  // namespace notaus::app
