#include "host/rounds.h"

#include <utility>

namespace notaus::host {
namespace {

constexpr auto kRest = std::chrono::seconds(1);
constexpr auto kPatience = std::chrono::milliseconds(500);  // with other commands, which do the same
constexpr std::int64_t kMinute = 60'000'000'000, kHour = 60 * kMinute;

}  // namespace

Rounds::Rounds(Site site, Retention retention, Pruner who, std::function<void(const std::string&)> told)
    : site_(std::move(site)),
      who_(std::move(who)),
      told_(std::move(told)),
      retention_(std::move(retention)),
      rest_(site_.state.spool()) {
  thread_ = std::thread([this] {
    while (rest_.take(kRest) != Rest::Over::at_end) turn();
    (void)drain(site_, kPatience);
  });
}

Rounds::~Rounds() {
  rest_.end();
  thread_.join();
}

void Rounds::keep(const Retention& retention) {
  std::lock_guard lock(mutex_);
  told_to_keep_ |= retention != retention_;
  retention_ = retention;
}

// Once an hour, and again after a minute if it could not be done.
std::string Rounds::prune_if_due() {
  Retention retention;
  {
    std::lock_guard lock(mutex_);
    retention = retention_;
    if (std::exchange(told_to_keep_, false)) next_pruning_ = {};
  }
  const BootTime now = boot_now();
  if (!retention.any()) return unpruned_ = "";
  if (now < next_pruning_) return unpruned_;
  const WallTime today = wall_now();
  Pruner who = who_;
  who.keep = retention.text;
  auto pruned = prune(site_, stays_of(retention, today), who, kPatience,
                      [&](const audit::Pruning& what) { return doubt(what, retention, today); });
  const bool failed = !pruned && pruned.error().kind != Kind::gone;  // else there is no log yet
  next_pruning_ = {now.ns + (pruned ? kHour : kMinute)};
  return unpruned_ = failed ? "audit: keep: " + pruned.error().what : "";
}

void Rounds::turn() {
  auto view = sync(site_, kPatience);
  if (!view) return tell(view.error().what);
  auto drained = drain(site_, kPatience);
  const bool failed = !drained && drained.error().kind != Kind::retry;  // else somebody else is at it
  const std::string unpruned = prune_if_due();
  tell(!view->warning.empty() ? view->warning : failed ? drained.error().what : unpruned);
}

void Rounds::tell(std::string trouble) {
  if (trouble == trouble_) return;
  trouble_ = std::move(trouble);
  told_(trouble_);
}

}  // namespace notaus::host
