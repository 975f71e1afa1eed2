// demo/facts.h: what the demo claims, worked out from what the mail server saw and from what the stop said. Pure.
#pragma once

#include <string>
#include <vector>

#include "demo/json.h"
#include "demo/sink.h"

namespace notaus::demo {

// An agent's address says whose mail it is: AGENT@TENANT.example.
std::string address(const std::string& tenant, const std::string& agent);
std::vector<SunkMail> mails_of(const std::string& tenant, const std::vector<SunkMail>& mails);
std::size_t repeats(const std::vector<SunkMail>& mails);  // those whose recipient and text were there before
std::size_t taken_until(BootTime at, const std::vector<SunkMail>& mails);

// Read from what `notaus stop` prints, because that is all an operator has. What cannot be read is not there, so it excuses nothing.
struct ListedCall {
  std::string outcome, tool, tenant, agent, id;
};
std::vector<ListedCall> listed_calls(const std::string& output);
std::string stop_id(const std::string& output);

// The promise, checked: a mail taken after the stop had ended is either one that it listed (one mail per call listed) or a breach.
struct AfterStop {
  std::size_t listed = 0, breaches = 0;
};
AfterStop after_stop(const std::string& tenant, BootTime ended, const std::vector<SunkMail>& mails, std::vector<ListedCall> listed);

struct WithoutNotaus {
  std::size_t before = 0, after = 0, repeated = 0;
  double seconds = 0;
};

struct WithNotaus {
  int stop_exit = -1, resume_exit = -1;
  double stop_ms = 0;
  std::size_t before = 0;  // mails taken until the stop had ended
  AfterStop after;
  std::size_t listed = 0;
  bool held_was_listed = false;
  std::string held_outcome;  // as the log has it in the end
  std::uint64_t reads_after = 0, denied_after = 0, others_after = 0, failed = 0;
  std::uint64_t sink_mails = 0, sink_repeats = 0, agents_denied = 0;  // when the report was asked for
  std::uint64_t report_done = 0, report_repeats = 0, report_denied = 0;
  std::size_t after_resume = 0;
};

// Empty: the demo has shown what it claims.
std::vector<std::string> shortfalls(const WithoutNotaus& without, const WithNotaus& with);

Json to_json(const WithoutNotaus& without);
Json to_json(const WithNotaus& with);

}  // namespace notaus::demo
