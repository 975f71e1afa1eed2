#include "control/stop_log.h"

#include <unistd.h>

#include "base/boot.h"
#include "base/id.h"
#include "base/user.h"
#include "page/record.h"
#include "page/spool.h"

namespace notaus::control {
namespace {

JsonLine begin(std::string_view kind, std::string_view id) {
  return core::begin_record(kind, moment_now(), boot_id()).field("id", id);
}

std::string latch_record(const host::Site& site, const Report& report) {
  JsonLine line = begin("latch", "latch@" + site.host);
  line.field("by", report.record.by).field("uid", std::uint64_t{asking_user()});
  if (!report.record.reason.empty()) line.field("reason", report.record.reason);
  return line.text();
}

std::string ack_record(const Report& report) {
  const HostRow& row = report.hosts.front();
  return begin("ack", report.record.id)
      .field("by", report.record.by)
      .field("uid", std::uint64_t{asking_user()})
      .field("state", row.state)
      .field("revision", row.revision)
      .field("points", std::uint64_t{row.points})
      .field("in_flight", std::uint64_t{report.in_flight.size()})
      .text();
}

std::string inflight_record(const Report& report, const page::SeenCall& seen) {
  JsonLine line = begin("inflight", report.record.id);
  line.field("call", seen.id());
  page::add_call(line, seen.entry);
  return line.field("outcome", core::text(seen.outcome)).text();
}

// Under a name of its own each time, closed when it returns.
Result<std::string> spool(const host::Site& site, const std::vector<std::string>& records) {
  page::Spool into(site.state, "stop-" + new_id());
  for (const std::string& record : records)
    if (auto spooled = into.append(record); !spooled) return std::unexpected(spooled.error());
  into.close();
  return into.process();
}

Result<std::string> log_spooled(const host::Site& site, const std::vector<std::string>& records, ledger::Ledger* book,
                                host::Patience patience) {
  auto spooled = spool(site, records);
  if (!spooled) return std::unexpected(spooled.error());
  if (book == nullptr) return trouble(Kind::retry, "the stop itself is not in the ledger yet");
  auto log = host::open_log(site, patience);
  if (!log) return std::unexpected(log.error());
  if (auto logged = host::log_actions(site, *log, *book, *spooled); !logged) return std::unexpected(logged.error());
  return log->checkpoint();
}

}  // namespace

Result<std::string> log_stop(const host::Site& site, const Report& report, Latch latch, ledger::Ledger* book) {
  std::vector<std::string> records;
  if (latch == Latch::set) records.push_back(latch_record(site, report));
  records.push_back(ack_record(report));
  for (const InFlight& one : report.in_flight) records.push_back(inflight_record(report, one.call));
  return log_spooled(site, records, book, kAuditPatience);
}

Result<std::string> log_lifted(const host::Site& site, const core::Action& resume, std::uint64_t revision, ledger::Ledger& book,
                               host::Patience patience) {
  JsonLine line = begin("resume", resume.target);
  line.field("action", resume.id).field("by", resume.by).field("uid", std::uint64_t{*resume.uid}).field("reason", resume.reason);
  return log_spooled(site, {line.field("revision", revision).text()}, &book, patience);
}

void spool_ack(const host::Site& site, const Report& report) { (void)spool(site, {ack_record(report)}); }

}  // namespace notaus::control
