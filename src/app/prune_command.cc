#include <fmt/format.h>

#include "app/ask_log.h"
#include "app/commands.h"
#include "app/print.h"
#include "audit/prune.h"
#include "base/boot.h"
#include "base/user.h"
#include "core/record.h"

namespace notaus::app {

int audit_prune_command(const Common& common, const PruneFlags& flags) {
  auto before = time_of("--keep", flags.keep);
  if (!before) return usage(before.error().what);
  auto place = existing_place(common);
  if (!place) return fail(place.error());
  const std::string directory = place->site.state.log();
  auto log = host::open_log(place->site, std::chrono::seconds(5));
  if (!log) return fail(log.error());
  if (auto settled = log->settle(); !settled) return fail(settled.error());
  auto what = audit::prunable(directory, *before);
  if (!what) return fail(what.error());
  const std::uint64_t count = what->upto - what->from;
  if (count == 0 || flags.dry_run) {
    say("{} record(s) from before {} {}\n", count, *before, count == 0 ? "can go: bundles of 256 go as a whole" : "would go");
    return control::kDone;
  }
  JsonLine line = core::begin_record("pruned", moment_now(), boot_id());
  line.field("by", actor()).field("uid", std::uint64_t{asking_user()}).field("before", *before);
  line.field("from", what->from).field("upto", what->upto);
  if (auto pruned = audit::prune(*log, directory, *what, line.text()); !pruned) return fail(pruned.error());
  say("pruned {} record(s), numbers {} to {}; their hashes stay, and the log says so\n", count, what->from, what->upto - 1);
  return control::kDone;
}

}  // namespace notaus::app
