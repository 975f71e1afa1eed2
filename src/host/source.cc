#include "host/source.h"

#include <unistd.h>

#include <cerrno>
#include <map>
#include <ranges>
#include <set>

#include "host/host.h"
#include "page/record.h"

namespace notaus::host {
namespace {

using audit::Record;

using page::Mark;

// Everything of a process that has died, its ring, its tallies, and the calls it had in flight; but for what the last record of its spool
// tells.
class LastWords {
 public:
  LastWords(const std::string& process, const page::SlotsFile& file, const Mark& spooled)
      : file_(file), spooled_(spooled), teller_(process, file.head) {}

  std::vector<Record> all() {
    ring();
    slots();
    tallies();
    lost("calls", page::lost_calls(file_.head) + dropped(page::Fact::ended), file_.head.told_calls, Mark::Of::lost_calls);
    lost("denials", page::lost_denials(file_.head) + dropped(page::Fact::blocked), file_.head.told_denials, Mark::Of::lost_denials);
    return std::move(out_);
  }

 private:
  void add(std::string json) { out_.push_back({std::move(json)}); }

  // How far it is told: as it has noted, or one step further.
  [[nodiscard]] std::uint64_t told(Mark::Of of, std::uint64_t noted, std::uint32_t number = 0) const {
    return spooled_.of == of && spooled_.number == number ? std::max(noted, spooled_.upto) : noted;
  }

  // The oldest cell that it has not noted; it may have died when it had dropped it and not noted that.
  [[nodiscard]] const page::Cell* dropping() const {
    const std::uint64_t tail = file_.head.tail.load();
    const page::Cell& cell = file_.cells[tail % page::kCells];
    return cell.turn.load() == tail + 1 && cell.dropped != 0 ? &cell : nullptr;
  }
  [[nodiscard]] std::uint64_t dropped(page::Fact fact) const {
    const page::Cell* cell = dropping();
    const auto& counted = fact == page::Fact::blocked ? file_.head.dropped_denials : file_.head.dropped_calls;
    return cell != nullptr && cell->fact == fact && cell->dropped > counted.load() ? cell->dropped - counted.load() : 0;
  }

  void ring() {
    const std::uint64_t head = file_.head.head.load();
    for (std::uint64_t at = told(Mark::Of::ring, file_.head.tail.load()); at < head && head - at <= page::kCells; ++at) {
      const page::Cell& cell = file_.cells[at % page::kCells];
      const bool whole = cell.turn.load() == at + 1;  // else it died while it wrote this; the slot tells of the call
      if (whole && &cell != dropping()) add(teller_.cell(cell));
    }
  }

  // But for those that the ring tells of, or told of already, while the slot was not freed any more.
  void slots() {
    std::set<std::pair<std::uint32_t, std::uint64_t>> recorded;
    for (const page::Cell& cell : file_.cells)
      if (cell.turn.load() != 0) recorded.emplace(cell.slot, cell.call);
    for (std::uint32_t slot = 0; slot < page::kSlots; ++slot) {
      const std::uint64_t word = file_.words[slot].load();
      const page::SlotState state = page::state_of(word);
      const std::uint64_t claimed = page::slot_word(page::generation_of(word), page::SlotState::active);
      if (state != page::SlotState::free && state != page::SlotState::reserved && !recorded.contains({slot, claimed}))
        add(teller_.orphan(slot, word, file_.entries[slot]));
    }
  }

  void tallies() {
    for (std::uint32_t number = 0; number < page::kTallies; ++number) {
      const page::Tally& tally = file_.tallies[number];
      const std::uint64_t before = told(Mark::Of::tally, tally.more.told, number);
      if (tally.used.load() != 0 && tally.more.counted > before) add(teller_.tally(tally, tally.more.counted - before));
    }
  }

  void lost(const char* what, std::uint64_t all, const page::Word& noted, Mark::Of of) {
    const std::uint64_t before = told(of, noted.load());
    if (all > before) add(teller_.gap(what, all - before));
  }

  const page::SlotsFile& file_;
  const Mark spooled_;
  page::Teller teller_;
  std::vector<Record> out_;
};

bool there(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

bool gone(const std::string& path) { return !there(path) && errno == ENOENT; }

}  // namespace

std::vector<Record> Source::news(const audit::Log& log) {
  std::vector<Record> out;
  for (page::Segment& segment : segments_) std::ranges::move(news_of(segment, log), std::back_inserter(out));
  if (life_ == Life::ended) add_last_words(log, out);
  return out;
}

std::vector<Record> Source::news_of(page::Segment& segment, const audit::Log& log) {
  std::vector<Record> records;
  auto at = log.cursor().spools.find(segment.name);
  if (!page::read_segment(segment, at == log.cursor().spools.end() ? 0 : at->second)) return records;
  for (const page::SpoolRecord& record : segment.records) records.push_back({record.json});
  if (!records.empty()) records.back().source = {.segment = segment.name, .offset = segment.end};
  return records;
}

// Of the last record of its spool, whether or not that was logged before.
Mark Source::last_mark() const {
  for (const page::Segment& one : segments_ | std::views::reverse) {
    page::Segment whole;
    whole.path = one.path;
    if (page::read_segment(whole, 0) && !whole.records.empty()) return whole.records.back().mark;
  }
  return {};
}

void Source::add_last_words(const audit::Log& log, std::vector<Record>& records) {
  bool alive = true;
  auto file = page::read_slots(state_, process_, alive);
  slots_told_ = file && !alive;
  if (!slots_told_ || log.cursor().dead.contains(process_)) return;
  auto words = LastWords(process_, **file, last_mark()).all();
  if (!words.empty()) words.back().source = {.dead = process_};
  std::ranges::move(words, std::back_inserter(records));
}

// While the slot file of a dead process lies there, its segments do, too: they say what of its ring was spooled.
void Source::remove(audit::Log& log) {
  if (slots_told_) {
    unlink(slots().c_str());
    log.forget_dead(process_);
  }
  const bool last = !there(slots());
  for (const page::Segment& segment : segments_) {
    const bool unread = segment.end == 0;
    if (unread || !(segment.closed || (last && !segment.owned))) continue;
    unlink(segment.path.c_str());
    log.forget_segment(segment.name);
  }
}

std::vector<Source> list_sources(const page::StateDir& state) {
  struct Found {
    Life life = Life::goes_on;
    std::vector<page::Segment> segments = {};
  };
  std::map<std::string, Found> found;
  for (const page::SeenPoint& point : page::scan(state))
    if (!point.alive && point.trouble.empty()) found[point.process].life = Life::ended;
  for (page::Segment& segment : page::list_segments(state)) found[segment.process].segments.push_back(std::move(segment));
  std::vector<Source> out;
  for (auto& [process, one] : found) out.emplace_back(state, process, one.life, std::move(one.segments));
  return out;
}

// Whoever logs a source removes it after the append that says so, and often appends nothing more: so that is left to whoever comes next.
Result<audit::Log> open_log(const Site& site, Patience patience) {
  auto log = audit::Log::open(site.log(), patience);
  if (!log) return log;
  const audit::Cursor known = log->cursor();
  for (const auto& [segment, offset] : known.spools)
    if (gone(site.state.spool() + "/" + segment)) log->forget_segment(segment);
  for (const std::string& process : known.dead)
    if (gone(site.state.slots() + "/" + process)) log->forget_dead(process);
  return log;
}

}  // namespace notaus::host
