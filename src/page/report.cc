#include "page/report.h"

#include "base/clock.h"
#include "page/record.h"

namespace notaus::page {
namespace {

void drain_ring(Slots& slots, Spool& into) {
  SlotsFile& file = slots.file();
  for (std::uint64_t at = file.head.tail.load(); at != file.head.head.load(); ++at) {
    const Cell& cell = file.cells[at % kCells];
    if (cell.turn.load(std::memory_order_acquire) != at + 1) return;  // taken, not written yet: next round
    std::uint64_t mark = into.process() == slots.process() ? at + 1 : 0;
    if (!into.append(record_of(slots.process(), cell), mark))
      (cell.fact == Fact::blocked ? file.head.lost_denials : file.head.lost_calls).fetch_add(1);
    file.head.tail.store(at + 1, std::memory_order_release);
  }
}

void report_losses(Slots& slots, Spool& into) {
  auto one = [&](std::atomic<std::uint64_t>& lost, const char* what) {
    std::uint64_t count = lost.load();
    if (count > 0 && into.append(gap_record(slots.process(), what, count, wall_now().ms), 0)) lost.fetch_sub(count);
  };
  one(slots.file().head.lost_calls, "calls");
  one(slots.file().head.lost_denials, "denials");
}

}  // namespace

void drain_facts(Attachment& from, Spool& into) {
  drain_ring(from.slots(), into);
  from.tallies().settle(
      [&](const Tally& tally) { return into.append(tally_record(from.slots().process(), tally), 0).has_value(); });
  report_losses(from.slots(), into);
}

}  // namespace notaus::page
