// audit/clean_up.h: the list that somebody cleans up by after an incident: what got out, what may have, what did not.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "audit/search.h"
#include "audit/timeline.h"

namespace notaus::audit {

struct Row {
  std::string tenant = {}, agent = {}, tool = {};
  std::uint64_t done = 0, unknown = 0, not_sent = 0;  // admitted writes by outcome
  std::uint64_t repeated = 0;                         // of the done and unknown: their arguments were seen before in this report
  std::uint64_t denied = 0;                           // one by one and in counts
  std::string first = {}, last = {};                  // of the writes that took or may have taken effect
};

// Writes with the same arguments, to be taken back but for one.
struct Repeat {
  std::string tenant, tool, args;
  std::uint64_t times = 0;
  std::string first = {}, last = {};
};

struct Unknown {
  std::string at, tenant, agent, tool, call;
};

// A flip of the switch within the report.
struct Event {
  std::string at, kind, id, by, reason;
};

struct CleanUp {
  std::string since = {}, until = {};
  std::vector<Row> rows = {};      // by tenant and tool
  std::vector<Row> by_agent = {};  // the same by tenant, agent and tool
  std::vector<Repeat> repeats = {};  // the most frequent first, at most kRepeats
  std::uint64_t gaps = 0;            // facts that were lost, counted
  std::vector<Unknown> unknown = {};
  std::vector<Event> events = {};
  std::string harm = {};  // when the first write took effect, or may have; empty: none did
  std::string stopped = {};  // when the stop came that the report is about
  Timeline timeline = {};

  static constexpr std::size_t kRepeats = 100;
};

// Covers since to until of a log that ends at `end`. With `stop`: what that stop covers, since an hour before it.
Result<CleanUp> clean_up(const Lines& lines, const Filter& filter, const std::string& end);

}  // namespace notaus::audit
