// The ledger's actions on their way into the log.
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "host/host.h"
#include "host/source.h"

namespace notaus::host {
namespace {

using audit::Record;

constexpr std::size_t kAtOnce = 1 << 20;  // bytes; a new log has all the ledger's actions before it

nlohmann::json fields_of(const ledger::Entry& entry) {
  const core::Action& action = entry.action;
  nlohmann::json out = {{"kind", text(action.act)},
                        {"at", iso8601(action.at)},
                        {"id", action.act == core::Act::stop ? action.stop.id : action.target},
                        {"action", action.id},
                        {"by", action.by},
                        {"revision", entry.revision}};
  if (action.uid) out["uid"] = *action.uid;
  if (action.act == core::Act::stop) {
    out["selector"] = nlohmann::json::object();
    for (const auto& [key, value] : {std::pair("tenant", &action.stop.selector.tenant),
                                     {"agent", &action.stop.selector.agent},
                                     {"tool", &action.stop.selector.tool}})
      if (!value->empty()) out["selector"][key] = *value;
    out["mode"] = text(action.stop.mode);
    if (action.stop.grace) out["grace_ms"] = action.stop.grace->count();
  }
  if (!action.host.empty()) out["host_only"] = true;
  if (!action.reason.empty()) out["reason"] = action.reason;
  for (const auto& [tool, effect] : action.effects) out["effects"][tool] = core::text(effect);
  if (action.act == core::Act::approve || action.act == core::Act::tighten) out.erase("id");
  return out;
}

}  // namespace

Result<> log_actions(const Site& site, audit::Log& log, ledger::Ledger& book, const std::string& spool) {
  auto state = book.read();
  if (!state) return std::unexpected(state.error());
  const bool same = state->epoch == log.cursor().epoch;
  auto actions = book.actions(same ? log.cursor().revision : 0);
  if (!actions) return std::unexpected(actions.error());
  std::vector<Record> records;
  std::size_t bytes = 0;
  for (const ledger::Entry& entry : *actions) {
    records.push_back({fields_of(entry).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace),
                       {.epoch = state->epoch, .revision = entry.revision}});
    bytes += records.back().json.size();
    if (bytes < kAtOnce) continue;
    if (auto logged = log.append(std::exchange(records, {})); !logged) return logged;
    bytes = 0;
  }
  std::vector<page::Segment> segments = spool.empty() ? std::vector<page::Segment>{} : page::list_segments(site.state);
  std::erase_if(segments, [&](const page::Segment& segment) { return segment.process != spool; });
  Source told(site.state, spool, Life::goes_on, std::move(segments));
  std::ranges::move(told.news(log), std::back_inserter(records));
  if (auto logged = log.append(records); !logged) return logged;
  told.remove(log);
  return {};
}

}  // namespace notaus::host
