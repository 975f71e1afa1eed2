// control/report.h: what stop and resume answer. The fields are those of `--json` (docs/json.md); nothing in here is an error.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/state.h"
#include "page/scan.h"

namespace notaus::control {

// Exit codes of every command.
enum Exit : int {
  kDone = 0,             // and confirmed
  kFailed = 1,           // nothing was stopped, or the resume was refused
  kUsage = 2,
  kNotConfirmed = 3,     // in the ledger, but not everyone has shown that it stopped
  kNotAuthorised = 4,
  kNotInLedger = 5,      // this host has stopped, the ledger does not know
  kDenied = 6,           // check
  kCallsRemain = 7,      // drain
  kNothingMatches = 8,   // stopped, but nothing that was ever seen matches
  kTampered = 9,         // audit verify
};

struct HostRow {
  std::string host;
  std::string state;  // acked, fenced, silent
  std::uint64_t revision = 0;
  std::size_t points = 0;
  std::size_t admission_only = 0;
};

// This host as a scan has just seen it: acked, or silent if a point could not be read; those are named in `warnings`.
HostRow row_of(const std::string& host, std::uint64_t revision, const std::vector<page::SeenPoint>& points,
               std::vector<std::string>& warnings);

double ms_since(std::chrono::steady_clock::time_point start);  // for elapsed_ms

struct InFlight {
  std::string host;
  page::SeenCall call;
};

struct Report {
  int exit = kFailed;
  std::string state_dir;
  core::Stop record;
  std::string epoch;
  std::optional<std::uint64_t> revision;
  bool stored = false, confirmed = false, durable = false;
  bool lifted = false;  // the stop, by a resume that had seen it, before this answer
  std::vector<HostRow> hosts;
  std::vector<InFlight> in_flight;
  bool in_flight_complete = false;
  std::vector<std::string> still_stopped_by;
  double committed_ms = 0, confirmed_ms = 0;
  bool audit_durable = false;
  std::string checkpoint;  // of the log with the record of it
  std::vector<std::string> warnings;
  // Set while its records are still on their way to the log: waits for them, no longer than until then.
  std::function<void(std::chrono::steady_clock::time_point)> logged_by;
};

}  // namespace notaus::control
