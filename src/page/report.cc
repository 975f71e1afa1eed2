#include "page/report.h"

#include "page/record.h"

namespace notaus::page {
namespace {

class Report {
 public:
  Report(Attachment& from, Spool& into)
      : slots_(from.slots()), tallies_(from.tallies()), into_(into), teller_(slots_.process(), slots_.file().head) {}

  void ring() {
    SlotsFile& file = slots_.file();
    for (std::uint64_t at = file.head.tail.load(); at != file.head.head.load(); ++at) {
      Cell& cell = file.cells[at % kCells];
      if (cell.turn.load(std::memory_order_acquire) != at + 1) return;  // taken, not written yet: next round
      if (!tell(teller_.cell(cell), {Mark::Of::ring, 0, at + 1})) drop(cell);
      file.head.tail.store(at + 1, std::memory_order_release);
    }
  }

  void tallies() {
    tallies_.settle([&](std::uint32_t number, const Tally& tally) {
      return tell(teller_.tally(tally, tally.more.untold()), {Mark::Of::tally, number, tally.more.counted});
    });
  }

  void losses() {
    SlotsHead& head = slots_.file().head;
    lost("calls", lost_calls(head), head.told_calls, Mark::Of::lost_calls);
    lost("denials", lost_denials(head), head.told_denials, Mark::Of::lost_denials);
  }

 private:
  bool tell(const std::string& json, Mark mark) { return into_.append(json, mark).has_value(); }

  // The cell says first how many are dropped with it, so that whoever finds us dead in between counts it once.
  void drop(Cell& cell) {
    SlotsHead& head = slots_.file().head;
    Word& dropped = cell.fact == Fact::blocked ? head.dropped_denials : head.dropped_calls;
    cell.dropped = dropped.load() + 1;
    dropped.exchange(cell.dropped);
  }

  void lost(std::string_view what, std::uint64_t all, Word& told, Mark::Of of) {
    const std::uint64_t before = told.load();
    if (all > before && tell(teller_.gap(what, all - before), {of, 0, all})) told.store(all);
  }

  Slots& slots_;
  Tallies& tallies_;
  Spool& into_;
  Teller teller_;
};

}  // namespace

void drain_facts(Attachment& from, Spool& into, Tell what) {
  Report report(from, into);
  report.ring();
  if (what == Tell::ring) return;
  report.tallies();
  report.losses();
}

}  // namespace notaus::page
