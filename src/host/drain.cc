#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "host/host.h"
#include "page/record.h"
#include "page/spool.h"

namespace notaus::host {
namespace {

using audit::Log;
using audit::Record;

nlohmann::json fields_of(const ledger::Entry& entry) {
  const core::Action& action = entry.action;
  nlohmann::json out = {{"kind", text(action.act)},
                        {"at", iso8601(action.at)},
                        {"id", action.act == core::Act::stop ? action.stop.id : action.target},
                        {"action", action.id},
                        {"by", action.by},
                        {"revision", entry.revision}};
  if (action.act == core::Act::stop) {
    out["selector"] = nlohmann::json::object();
    for (const auto& [key, value] : {std::pair("tenant", &action.stop.selector.tenant),
                                     {"agent", &action.stop.selector.agent},
                                     {"tool", &action.stop.selector.tool}})
      if (!value->empty()) out["selector"][key] = *value;
    out["mode"] = text(action.stop.mode);
  }
  if (!action.reason.empty()) out["reason"] = action.reason;
  for (const auto& [tool, effect] : action.effects) out["effects"][tool] = core::text(effect);
  if (action.act == core::Act::approve || action.act == core::Act::tighten) out.erase("id");
  return out;
}

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

// What points have seen lies in memory up to a second before they spool it. Woken, they do it at once; who does not within the
// patience (it may be suspended) is drained the next time. Two rounds, since the one under way may have begun before we asked.
void let_points_report(const Site& site) {
  constexpr auto kPatience = std::chrono::milliseconds(150);
  auto publisher = page::Publisher::open(site.state);
  std::map<std::string, std::uint64_t> wanted;
  for (const page::SeenPoint& point : page::scan(site.state))
    if (point.alive && point.trouble.empty()) wanted[point.process] = point.rounds + 2;
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  while (publisher && !wanted.empty() && std::chrono::steady_clock::now() < give_up) {
    publisher->wake();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    auto points = page::scan(site.state);
    std::erase_if(wanted, [&](const auto& one) {
      auto point = std::ranges::find(points, one.first, &page::SeenPoint::process);
      return point == points.end() || !point->alive || point->rounds >= one.second;
    });
  }
}

// The names of what has ever called, for "nothing of that name was ever seen": one JSON string a line, each once.
Result<> keep_names(const page::StateDir& state, const std::vector<Record>& records) {
  const std::string path = state.log() + "/names";
  auto known = read_file(path);
  std::string text = known.value_or(""), fresh;
  std::set<std::string> lines;
  for (std::size_t from = 0, end; (end = text.find('\n', from)) != std::string::npos; from = end + 1)
    lines.insert(text.substr(from, end - from));
  for (const Record& record : records) {
    auto json = nlohmann::json::parse(record.json, nullptr, false);
    for (const char* key : {"tenant", "agent", "tool"}) {
      if (!json.is_object() || !json.contains(key) || lines.size() >= 10'000) continue;
      std::string line = JsonLine().raw(key, json[key].dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)).text();
      if (lines.insert(line).second) fresh += line + "\n";
    }
  }
  if (fresh.empty()) return {};
  auto fd = open_file(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (!fd) return std::unexpected(fd.error());
  return write_all(fd->get(), fresh);
}

Result<> log_all(const Site& site, Log& log, const std::vector<Record>& records) {
  if (records.empty()) return {};
  if (auto logged = log.append(records); !logged) return logged;
  return keep_names(site.state, records);
}

// What a segment holds that the log has not; nothing if it cannot be read: doctor names it. `ring`: how far its process's ring is known to
// be in its spool.
std::vector<Record> news_of(page::Segment& segment, const Log& log, std::uint64_t& ring) {
  std::vector<Record> records;
  auto at = log.cursor().spools.find(segment.name);
  if (!page::read_segment(segment, at == log.cursor().spools.end() ? 0 : at->second)) return records;
  for (const page::SpoolRecord& record : segment.records) {
    records.push_back({record.json});
    ring = std::max(ring, record.ring);
  }
  if (!records.empty()) records.back().source = {.segment = segment.name, .offset = segment.end};
  return records;
}

// Once it is logged. An unreadable one is neither closed nor at its end, and stays.
void remove_if_ended(const page::Segment& segment, Log& log) {
  if (segment.end == 0 || (!segment.closed && segment.owned)) return;
  unlink(segment.path.c_str());
  log.forget_segment(segment.name);
}

Result<> drain_spools(const Site& site, Log& log, std::map<std::string, std::uint64_t>& rings) {
  for (page::Segment& segment : page::list_segments(site.state)) {
    if (auto logged = log_all(site, log, news_of(segment, log, rings[segment.process])); !logged) return logged;
    remove_if_ended(segment, log);
  }
  return {};
}

Result<> drain_dead(const Site& site, Log& log, const std::map<std::string, std::uint64_t>& rings) {
  for (const page::SeenPoint& point : page::scan(site.state)) {
    if (point.alive || !point.trouble.empty()) continue;
    bool alive = true;
    auto file = page::read_slots(site.state, point.process, alive);
    if (!file || alive) continue;
    if (!log.cursor().dead.contains(point.process)) {
      auto spooled = rings.find(point.process);
      auto records = last_words(point.process, **file, spooled == rings.end() ? 0 : spooled->second);
      if (!records.empty()) records.back().source = {.dead = point.process};
      if (auto logged = log_all(site, log, records); !logged) return logged;
    }
    unlink((site.state.slots() + "/" + point.process).c_str());
    log.forget_dead(point.process);
  }
  return {};
}

}  // namespace

Result<> log_actions(const Site& site, audit::Log& log, ledger::Ledger& book, const std::string& spool) {
  auto state = book.read();
  if (!state) return std::unexpected(state.error());
  const bool same = state->epoch == log.cursor().epoch;
  auto actions = book.actions(same ? log.cursor().revision : 0);
  if (!actions) return std::unexpected(actions.error());
  std::vector<Record> records;
  for (const ledger::Entry& entry : *actions)
    records.push_back({fields_of(entry).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace),
                       {.epoch = state->epoch, .revision = entry.revision}});
  std::vector<page::Segment> told = spool.empty() ? std::vector<page::Segment>{} : page::list_segments(site.state);
  std::erase_if(told, [&](const page::Segment& segment) { return segment.process != spool; });
  for (page::Segment& segment : told) {
    std::uint64_t ring = 0;
    std::ranges::move(news_of(segment, log, ring), std::back_inserter(records));
  }
  if (auto logged = log.append(records); !logged) return logged;
  for (const page::Segment& segment : told) remove_if_ended(segment, log);
  return {};
}

Result<> drain(const Site& site, Patience patience) {
  let_points_report(site);
  auto log = Log::open(site.state.log(), site.host, patience);
  if (!log) return std::unexpected(log.error());
  // A broken ledger does not keep the facts of the points out of the log.
  if (auto book = open_ledger(site, patience)) (void)log_actions(site, *log, **book);
  std::map<std::string, std::uint64_t> rings;
  if (auto drained = drain_spools(site, *log, rings); !drained) return drained;
  if (auto drained = drain_dead(site, *log, rings); !drained) return drained;
  return log->save_cursor();
}

}  // namespace notaus::host
