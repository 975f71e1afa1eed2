#include "host/source.h"

#include <unistd.h>

#include <cerrno>
#include <map>
#include <set>

#include "base/clock.h"
#include "host/host.h"
#include "page/record.h"

namespace notaus::host {
namespace {

using audit::Record;

// Everything of a process that has died: its ring, its tallies, and the calls it had in flight, whose outcome nobody knows.
std::vector<Record> last_words(const std::string& process, const page::SlotsFile& file, std::uint64_t spooled) {
  std::vector<Record> out;
  std::set<std::pair<std::uint32_t, std::uint64_t>> recorded;
  const std::uint64_t head = file.head.head.load();
  for (std::uint64_t at = std::max(file.head.tail.load(), spooled); at < head && head - at <= page::kCells; ++at) {
    const page::Cell& cell = file.cells[at % page::kCells];
    if (cell.turn.load() != at + 1) continue;  // it died while it wrote this; the slot still tells of the call
    out.push_back({page::record_of(process, cell)});
    recorded.emplace(cell.slot, cell.call);
  }
  // Also those whose ring cell has been spooled already, while the slot was not freed any more.
  for (const page::Cell& cell : file.cells)
    if (cell.turn.load() != 0 && cell.fact == page::Fact::ended) recorded.emplace(cell.slot, cell.call);
  const std::int64_t now = wall_now().ms;
  for (std::uint32_t slot = 0; slot < page::kSlots; ++slot) {
    std::uint64_t word = file.words[slot].load();
    page::SlotState state = page::state_of(word);
    std::uint64_t claimed = page::slot_word(page::generation_of(word), page::SlotState::active);
    if ((state != page::SlotState::active && state != page::SlotState::done) || recorded.contains({slot, claimed})) continue;
    out.push_back({page::orphan_record(process, slot, word, file.entries[slot], now)});
  }
  for (const page::Tally& tally : file.tallies)
    if (tally.used.load() != 0 && tally.count > 0) out.push_back({page::tally_record(process, tally)});
  for (auto [what, lost] : {std::pair("calls", file.head.lost_calls.load()), {"denials", file.head.lost_denials.load()}})
    if (lost > 0) out.push_back({page::gap_record(process, what, lost, now)});
  return out;
}

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
  for (const page::SpoolRecord& record : segment.records) {
    records.push_back({record.json});
    ring_ = std::max(ring_, record.ring);
  }
  if (!records.empty()) records.back().source = {.segment = segment.name, .offset = segment.end};
  return records;
}

void Source::add_last_words(const audit::Log& log, std::vector<Record>& records) {
  bool alive = true;
  auto file = page::read_slots(state_, process_, alive);
  slots_told_ = file && !alive;
  if (!slots_told_ || log.cursor().dead.contains(process_)) return;
  auto words = last_words(process_, **file, ring_);
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
