// audit/report.h: questions to the log. Pure functions over its lines; what a line does not have matches nothing.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace notaus::audit {

struct Filter {
  std::string since = {};   // ISO 8601; text order is time order
  std::string tenant = {};  // of the call, or of a stop's selector
  std::string stop = {};    // records of this stop, and the calls it denied
};

std::vector<std::string> select(const std::vector<std::string>& lines, const Filter& filter);

// One log line for people: "12  2026-11-22T03:12:07.123Z  blocked  acme/mailer email.send  killed: stop_all".
std::string describe(const std::string& line);

// The clean-up list of one stop or of a time: what got out, what did not.
struct Row {
  std::string tenant, tool;
  std::uint64_t done = 0, unknown = 0, not_sent = 0;  // admitted writes by outcome
  std::uint64_t repeated = 0;                         // of the done and unknown: their arguments were seen before in this report
  std::uint64_t denied = 0;                           // one by one and in counts
  std::string first, last;                            // of the writes that took or may have taken effect
};
struct CleanUp {
  std::string since, until;
  std::vector<Row> rows;
  std::uint64_t gaps = 0;  // facts that were lost, counted
  std::vector<std::string> unknown_calls;  // ids
};

// `lines` are all of the log; the report covers [since, …). With `stop`: what that stop covers, since an hour before it.
CleanUp clean_up(const std::vector<std::string>& lines, const Filter& filter);

}  // namespace notaus::audit
