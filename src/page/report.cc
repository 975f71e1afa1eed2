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
      const Cell& cell = file.cells[at % kCells];
      if (cell.turn.load(std::memory_order_acquire) != at + 1) return;  // taken, not written yet: next round
      if (!tell(teller_.cell(cell), {Mark::Of::ring, 0, at + 1}))
        (cell.fact == Fact::blocked ? file.head.lost_denials : file.head.lost_calls).fetch_add(1);
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
    lost("calls", head.lost_calls, head.told_calls, Mark::Of::lost_calls);
    lost("denials", head.lost_denials, head.told_denials, Mark::Of::lost_denials);
  }

 private:
  // A mark means something only in the spool of the same process; a page that was replaced leaves slots to be told of in the next one's.
  bool tell(const std::string& json, Mark mark) {
    return into_.append(json, into_.process() == slots_.process() ? mark : Mark{}).has_value();
  }

  void lost(std::string_view what, const Word& counted, Word& told, Mark::Of of) {
    const std::uint64_t all = counted.load(), before = told.load();
    if (all > before && tell(teller_.gap(what, all - before), {of, 0, all})) told.store(all);
  }

  Slots& slots_;
  Tallies& tallies_;
  Spool& into_;
  Teller teller_;
};

}  // namespace

void drain_facts(Attachment& from, Spool& into) {
  Report report(from, into);
  report.ring();
  report.tallies();
  report.losses();
}

}  // namespace notaus::page
