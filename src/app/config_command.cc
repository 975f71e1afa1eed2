#include <fmt/format.h>

#include "app/commands.h"
#include "app/gate_policy.h"
#include "app/on_behalf.h"
#include "app/print.h"

namespace notaus::app {

int config_check_command(const Common& common, const std::string& file) {
  auto place = find_place(file.empty() ? common : Common{.state = common.state, .config = file});
  if (!place) return fail(place.error());
  if (!place->config_trouble.empty()) return fail({Kind::broken, place->config_trouble});
  if (place->config_path.empty()) return fail({Kind::gone, "there is no configuration; the defaults hold"});
  auto policy = gate_policy(place->config, config::process_environment());
  if (!policy) return fail(policy.error().in(place->config_path));
  for (const std::string& key : idle_keys(place->config)) warn({fmt::format("`{}` has no effect in this version", key)});
  say("{}: can be used\n", place->config_path);
  return control::kDone;
}

int config_reload_command(const Common& common) { return ask_only_daemon(common, {"config", "reload"}); }

}  // namespace notaus::app
