#include <fcntl.h>

#include <algorithm>
#include <set>
#include <thread>

#include <fmt/format.h>

#include "base/json.h"
#include "host/host.h"
#include "host/source.h"

namespace notaus::host {
namespace {

using audit::Log;
using audit::Record;

constexpr std::size_t kPiece = 1 << 20;  // bytes that one append logs, while others wait

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
  for (const Record& record : records)
    each_text(record.json, [&](int depth, std::string_view key, std::string_view name) {
      if (depth != 1 || (key != "tenant" && key != "agent" && key != "tool") || lines.size() >= 10'000) return;
      std::string line = fmt::format(R"({{"{}":"{}"}})", key, name);
      if (!lines.insert(line).second) return;
      fresh += line + "\n";
    });
  if (fresh.empty()) return {};
  auto fd = open_file(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (!fd) return std::unexpected(fd.error());
  return write_all(fd->get(), fresh);
}

// With one append. How many of `sources` that were.
Result<std::size_t> tell_some(const Site& site, Log& log, std::span<Source> sources) {
  std::vector<Record> records;
  std::size_t told = 0, bytes = 0;
  for (; told < sources.size() && bytes < kPiece; ++told)
    for (Record& record : sources[told].news(log)) {
      bytes += record.json.size();
      records.push_back(std::move(record));
    }
  if (auto logged = log.append(records); !logged) return std::unexpected(logged.error());
  if (auto kept = keep_names(site.state, records); !kept) return std::unexpected(kept.error());
  for (Source& source : sources.first(told)) source.remove(log);
  return told;
}

Result<> begin_drain(const Site& site, Patience patience) {
  auto log = open_log(site, patience);
  if (!log) return std::unexpected(log.error());
  // A broken ledger does not keep the facts of the points out of the log.
  if (auto book = open_ledger(site, patience)) (void)log_actions(site, *log, **book);
  return log->settle();
}

// What is left of `sources` afterwards.
Result<std::span<Source>> drain_some(const Site& site, std::span<Source> sources, Patience patience) {
  auto log = open_log(site, patience);
  if (!log) return std::unexpected(log.error());
  auto told = tell_some(site, *log, sources);
  if (!told) return std::unexpected(told.error());
  if (auto settled = log->settle(); !settled) return std::unexpected(settled.error());
  return sources.subspan(*told);
}

}  // namespace

// In pieces, between which the log is anyone's: a resume must not wait for all that lies in the spools.
Result<> drain(const Site& site, Patience patience) {
  constexpr auto kOthersTurn = std::chrono::milliseconds(3);
  let_points_report(site);
  page::remove_drafts(site.state);
  if (auto begun = begin_drain(site, patience); !begun) return begun;
  std::vector<Source> sources = list_sources(site.state);
  for (std::span<Source> left = sources; !left.empty();) {
    auto rest = drain_some(site, left, patience);
    if (!rest) return std::unexpected(rest.error());
    left = *rest;
    if (!left.empty()) std::this_thread::sleep_for(kOthersTurn);
  }
  return {};
}

}  // namespace notaus::host
