#include "control/drain.h"

#include <algorithm>
#include <thread>
#include <unordered_map>

#include "page/entry.h"

namespace notaus::control {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kRound = std::chrono::milliseconds(10);
constexpr auto kPatience = std::chrono::milliseconds(1000);

// Whatever the effect: a selector alone says which calls are meant.
core::Stop anything(const core::Selector& selector) {
  return {.selector = selector, .mode = selector.tool.empty() ? core::Mode::stop_all : core::Mode::disable_tool};
}

// What runs now, added to what was seen; what no longer runs gets its outcome.
class Seen {
 public:
  Seen(const host::Site& site, const core::Selector& selector) : site_(site), wanted_(anything(selector)) {}

  void look(Drained& out) {
    std::vector<std::string> troubles;
    std::vector<bool> runs(out.calls.size(), false);
    const auto points = page::scan(site_.state);
    (void)row_of(site_.host, 0, points, troubles);
    for (const page::SeenPoint& point : points)
      for (const page::SeenCall& call : point.calls) {
        if (!point.alive || call.outcome != Outcome::running || !page::covers(wanted_, call.entry, {})) continue;
        auto [known, fresh] = numbers_.try_emplace(call.id(), out.calls.size());
        if (fresh) out.calls.push_back({site_.host, call});
        runs.resize(out.calls.size(), false);
        runs[known->second] = true;
      }
    for (std::size_t i = 0; i < out.calls.size(); ++i)
      if (page::SeenCall& call = out.calls[i].call; !runs[i]) call.outcome = page::outcome_now(site_.state, call);
    out.remaining = static_cast<std::size_t>(std::ranges::count(runs, true));
    out.complete = troubles.empty();
    out.warnings = std::move(troubles);
  }

 private:
  const host::Site& site_;
  core::Stop wanted_;
  std::unordered_map<std::string, std::size_t> numbers_;  // call id -> its place in Drained::calls
};

}  // namespace

Drained drain(const host::Site& site, const DrainRequest& request) {
  const auto start = Clock::now();
  Drained out;
  out.state_dir = site.state.path;
  Seen seen(site, request.selector);
  std::optional<std::size_t> told;
  while (true) {
    const auto round = Clock::now();
    seen.look(out);
    if (request.progress && told.value_or(0) != out.remaining) request.progress(out.remaining);
    told = out.remaining;
    if ((out.remaining == 0 && out.complete) || Clock::now() - start >= request.timeout) break;
    // On a host with very many points looking takes longer than waiting.
    std::this_thread::sleep_for(std::max<Clock::duration>(kRound, Clock::now() - round));
  }
  out.elapsed_ms = ms_since(start);
  out.exit = out.remaining == 0 && out.complete ? kDone : kCallsRemain;
  (void)host::drain(site, kPatience);
  return out;
}

void follow(const host::Site& site, std::vector<InFlight>& calls, Clock::time_point deadline) {
  while (true) {
    bool running = false;
    for (InFlight& one : calls) {
      one.call.outcome = page::outcome_now(site.state, one.call);
      running |= one.call.outcome == Outcome::running;
    }
    if (!running || Clock::now() >= deadline) return;
    std::this_thread::sleep_for(kRound);
  }
}

}  // namespace notaus::control
