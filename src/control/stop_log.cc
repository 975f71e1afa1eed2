#include "control/stop_log.h"

#include "base/id.h"
#include "base/json.h"
#include "page/spool.h"

namespace notaus::control {
namespace {

JsonLine begin(std::string_view kind, std::string_view id) {
  JsonLine line;
  line.field("kind", kind).field("at", iso8601(wall_now())).field("id", id);
  return line;
}

std::string latch_record(const host::Site& site, const Report& report) {
  return begin("latch", "latch@" + site.host).field("by", report.record.by).text();
}

std::string ack_record(const Report& report) {
  const HostRow& row = report.hosts.front();
  return begin("ack", report.record.id)
      .field("state", row.state)
      .field("revision", row.revision)
      .field("points", std::uint64_t{row.points})
      .field("in_flight", std::uint64_t{report.in_flight.size()})
      .text();
}

std::string inflight_record(const Report& report, const page::SeenCall& seen) {
  const Call call = seen.call();
  JsonLine line = begin("inflight", report.record.id);
  line.field("call", seen.id());
  for (auto [key, name] : {std::pair("tenant", call.tenant), {"agent", call.agent}, {"run", call.run}, {"tool", call.tool}})
    if (!name.empty()) line.field(key, name);
  return line.field("effect", core::text(call.effect))
      .field("since", iso8601({seen.entry.since}))
      .field("outcome", core::text(seen.outcome))
      .text();
}

// Under a name of its own each time, closed when it returns.
Result<std::string> spool(const host::Site& site, const std::vector<std::string>& records) {
  page::Spool into(site.state, "stop-" + new_id());
  for (const std::string& record : records)
    if (auto spooled = into.append(record, 0); !spooled) return std::unexpected(spooled.error());
  into.close();
  return into.process();
}

}  // namespace

Result<std::string> log_stop(const host::Site& site, const Report& report, Latch latch, ledger::Ledger* book) {
  std::vector<std::string> records;
  if (latch == Latch::set) records.push_back(latch_record(site, report));
  records.push_back(ack_record(report));
  for (const InFlight& one : report.in_flight) records.push_back(inflight_record(report, one.call));
  auto spooled = spool(site, records);
  if (!spooled) return std::unexpected(spooled.error());
  if (book == nullptr) return trouble(Kind::retry, "the stop itself is not in the ledger yet");
  auto log = host::open_log(site, kAuditPatience);
  if (!log) return std::unexpected(log.error());
  if (auto logged = host::log_actions(site, *log, *book, *spooled); !logged) return std::unexpected(logged.error());
  return log->checkpoint();
}

void spool_ack(const host::Site& site, const Report& report) { (void)spool(site, {ack_record(report)}); }

}  // namespace notaus::control
