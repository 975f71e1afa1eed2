#include <fmt/format.h>

#include "app/ask_log.h"
#include "app/commands.h"
#include "app/print.h"
#include "base/user.h"

namespace notaus::app {
namespace {

// What is typed counts, else what is configured. A time is one since which all is kept.
Result<host::Retention> retention(const std::string& typed, const Place& place) {
  const config::Keep& configured = place.config.audit.keep;
  if (typed.empty() && configured.text.empty())
    return trouble(Kind::refused, "--keep: how long, or how much, such as 400d or 20GiB; the configuration has no audit: keep:");
  auto keep = typed.empty() ? configured : config::parse_keep(typed);
  if (!keep)
    return trouble(Kind::refused, fmt::format("--keep {}: expected 400d, 20GiB, or a time like 2026-01-01T00:00:00Z", typed));
  return retention_of(*keep);
}

Result<audit::Stays> stays(const PruneFlags& flags, const Place& place) {
  if (flags.keep.contains('-')) return audit::Stays{.since = flags.keep};
  const auto one = retention(flags.keep, place);
  if (!one) return std::unexpected(one.error());
  audit::Stays out = host::stays_of(*one, wall_now());
  if (out.since.empty() && out.bytes == 0) out.since = iso8601(wall_now());  // 0s
  return out;
}

std::string describe(const audit::Pruning& what) {
  if (what.count() > 0)
    return fmt::format("{} record(s), numbers {} to {}, the last of {}", what.count(), what.from, what.upto - 1, what.last);
  return "0 record(s) can go: bundles of 256 go as a whole" +
         (what.young.empty() ? "" : "; the first that is too young is of " + what.young);
}

}  // namespace

int audit_prune_command(const Common& common, const PruneFlags& flags) {
  auto place = existing_place(common);
  if (!place) return fail(place.error());
  if (!place->config_trouble.empty() && flags.keep.empty()) return fail({Kind::broken, place->config_trouble});
  auto limits = stays(flags, *place);
  if (!limits) return usage(limits.error().what);
  const host::Pruner who{actor(), asking_user(), flags.keep.empty() ? place->config.audit.keep.text : flags.keep};
  audit::Pruning would;
  auto pruned = host::prune(place->site, *limits, who, std::chrono::seconds(5), [&](const audit::Pruning& what) {
    would = what;
    return std::string(flags.dry_run ? "dry run" : "");
  });
  if (flags.dry_run && would.count() > 0) {
    say("would go: {}\n", describe(would));
    return control::kDone;
  }
  if (!pruned) return fail(pruned.error());
  const bool any = pruned->count() > 0;
  say("{}{}{}\n", any ? "pruned " : "", describe(*pruned), any ? "; their hashes stay, and the log says so" : "");
  return control::kDone;
}

}  // namespace notaus::app
