#include "host/retention.h"

#include <fmt/format.h>

#include "base/boot.h"
#include "core/record.h"

namespace notaus::host {
namespace {

std::string pruned(const audit::Pruning& what, const audit::Stays& stays, const Pruner& who) {
  JsonLine line = core::begin_record("pruned", moment_now(), boot_id());
  line.field("by", who.by).field("uid", std::uint64_t{who.uid}).field("keep", who.keep);
  if (!stays.since.empty()) line.field("before", stays.since);
  return line.field("from", what.from).field("upto", what.upto).text();
}

// Only what precedes the write-ahead segment may go, so a segment that is large enough gives way to the next one first.
Result<> settle(const Site& site, Patience patience) {
  auto log = open_log(site, patience);
  if (!log) return std::unexpected(log.error());
  return log->settle();
}

}  // namespace

audit::Stays stays_of(const Retention& retention, WallTime now) {
  const std::int64_t age_ms = std::chrono::milliseconds(retention.age).count();
  return {.since = age_ms == 0 ? "" : iso8601({now.ms - age_ms}), .bytes = retention.bytes};
}

std::string doubt(const audit::Pruning& what, const Retention& retention, WallTime now) {
  if (what.count() == 0 || retention.age.count() == 0) return {};
  const auto old = from_iso8601(what.old), young = what.young.empty() ? now : from_iso8601(what.young);
  const std::int64_t age_ms = std::chrono::milliseconds(retention.age).count();
  if (old && young && young->ms - old->ms <= age_ms) return {};
  return fmt::format(
      "nothing was pruned: nobody wrote anything between {} and {}, for longer than records are kept. "
      "Is the clock right? If it is, `notaus audit prune` does it",
      what.old, what.young.empty() ? "now, " + iso8601(now) : what.young);
}

Result<audit::Pruning> prune(const Site& site, const audit::Stays& stays, const Pruner& who, Patience patience,
                             const std::function<std::string(const audit::Pruning&)>& objects) {
  if (auto settled = settle(site, patience); !settled) return std::unexpected(settled.error());
  auto what = audit::prunable(site.state.log(), stays);
  if (!what || what->count() == 0) return what;
  if (std::string objection = objects(*what); !objection.empty()) return trouble(Kind::refused, objection);
  {
    auto log = open_log(site, patience);
    if (!log) return std::unexpected(log.error());
    auto told = audit::announce(*log, *what, pruned(*what, stays, who));
    if (!told) return std::unexpected(told.error().in("nothing was pruned, since the record of it is not durable"));
  }
  if (auto removed = audit::remove_bundles(site.state.log(), *what); !removed) return std::unexpected(removed.error());
  return what;
}

}  // namespace notaus::host
