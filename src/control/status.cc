#include "control/status.h"

#include <algorithm>

#include <fmt/format.h>

#include "audit/view.h"
#include "host/reconcile.h"
#include "page/live_page.h"

namespace notaus::control {
namespace {

constexpr auto kPatience = std::chrono::milliseconds(1000);

Check check_under(const page::LivePage& page, std::uint64_t word, const host::Site& site, const Call& call) {
  auto denied = [&](Why why, std::string stop, std::string help, std::uint64_t revision) {
    return Check{false, reason(why, call.tool), std::move(stop), std::move(help), revision};
  };
  auto snapshot = page.verify(word);
  if (!snapshot) return denied(Why::page_torn, {}, snapshot.error().what + "; `notaus status` rebuilds it", 0);
  const std::uint64_t latch = page.head().latch.load();
  if (latch & page::kRetired) return denied(Why::page_missing, {}, "it is being replaced; `notaus status` rebuilds it", 0);
  if (page::denies(latch)) return denied(Why::stop_all, "latch@" + site.host, {}, snapshot->revision());
  snapshot->permit_until = {page.head().permit_until.load()};
  core::Verdict verdict = core::decide(*snapshot, call, boot_now());
  if (verdict.why == Why::allowed) return {true, {}, {}, {}, snapshot->revision()};
  return denied(verdict.why, verdict.stop != core::Verdict::kNone ? snapshot->stop_id(verdict.stop) : "",
                host::explain_fence(snapshot->fence(), site.state.path), snapshot->revision());
}

}  // namespace

Result<Status> status(const host::Site& site) {
  auto view = host::sync(site, kPatience);
  if (!view) return std::unexpected(view.error());
  Status out;
  out.view = *std::move(view);
  if (!out.view.warning.empty()) out.warnings.push_back(out.view.warning);
  if (auto publisher = page::Publisher::open(site.state)) out.latched = publisher->latched();
  if (out.latched)
    out.warnings.push_back(
        fmt::format("everything on this host is stopped by its latch; `notaus resume latch@{} --reason …` lifts it", site.host));
  out.points = page::scan(site.state);
  if (std::ranges::any_of(out.points, &page::SeenPoint::sentinel)) {  // the file may have gone; what it said stands
    auto publisher = page::Publisher::open(site.state);
    if (publisher && host::heed_sentinel(site, *publisher, kPatience))
      out.view.state = publisher->current().value_or(out.view.state);
  }
  out.host = row_of(site.host, out.view.state.revision, out.points, out.warnings);
  for (const page::SeenPoint& point : out.points)
    if (point.alive)
      out.in_flight += static_cast<std::size_t>(std::ranges::count(point.calls, Outcome::running, &page::SeenCall::outcome));
  if (auto drained = host::drain(site, kPatience); !drained && drained.error().kind != Kind::retry)
    out.warnings.push_back(
        fmt::format("the audit log cannot be written: {}; nothing can be resumed until it can", drained.error().what));
  if (auto log = audit::View::open(site.state.log()); log && log->standing()) {
    const auto cursor = audit::Cursor::of(log->standing()->cursor);
    out.denied = cursor.denied;
    out.lost_denials = cursor.lost;
    out.in_doubt = cursor.in_doubt;
  }
  return out;
}

// As a guard would answer, but without a slot: it is no point, and nothing is admitted.
Check check(const host::Site& site, const Call& call) {
  auto page = page::LivePage::open(site.state, page::Access::read);
  if (!page) return {false, reason(page.error().why, call.tool), {}, page.error().what, 0};
  return page->steadily([&](std::uint64_t word) { return check_under(*page, word, site, call); });
}

std::vector<std::string> assumptions(const host::Site& site) {
  std::vector<std::string> out = {
      "Clocks: the rate error of CLOCK_BOOTTIME is at most 500 ppm, and it counts suspends. With the embedded ledger nothing is "
      "decided by a clock.",
      "Ledger: sqlite, WAL, synchronous=FULL, on this host's disk; not on NFS. It is linearizable, and durable if the disk keeps "
      "what it has synced.",
      "Paths: side effects happen only through enforcement points, because only the gate holds the tools' credentials.",
      "Never promised: undoing effects; stopping bytes already sent; agents with credentials of their own; tools a model provider "
      "calls from its own cloud; a hostile root.",
      fmt::format("Never promised: an agent that runs code as the owner of {}: there, the right to resume is write access to it.",
                  site.state.path),
  };
  if (site.state.path != page::kSystemState)
    out.push_back(
        fmt::format("{}/live is an ordinary directory, not tmpfs: if its disk freezes, calls and stops block until it thaws; none "
                    "is admitted meanwhile.",
                    site.state.path));
  return out;
}

}  // namespace notaus::control
