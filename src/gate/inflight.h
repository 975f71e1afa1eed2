// gate/inflight.h: what was sent to the server and has not ended.
//
// A call is in flight until the server answers it; if it answers with a task handle, until that task is seen to have ended. Its
// Permit lives here for as long, so every stop lists it.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include <notaus/guard.hpp>

#include "base/clock.h"
#include "gate/mcp.h"
#include "gate/server_line.h"

namespace notaus::gate {

class InFlight {
 public:
  static constexpr std::size_t kMost = 65536;

  [[nodiscard]] bool has(const std::string& id_key) const { return requests_.contains(id_key); }
  [[nodiscard]] bool full() const { return requests_.size() >= kMost; }
  [[nodiscard]] std::size_t tasks() const { return tasks_.size(); }

  // The tool that runs as this task; empty if we saw none start.
  [[nodiscard]] std::string_view tool_of_task(const std::string& task) const;

  // Its first byte has left. A permit is empty for what the guard is not asked about.
  void start(const Message& request, std::string_view tool, Permit permit);

  // A line of the server passed by.
  void hear(const ServerLine& line);

  // The client gave the request up. The server then answers or does not, and nobody learns what became of the call; so it is kept
  // as running for kGrace and then given up as unknown.
  void cancelled(const std::string& id_key, BootTime now);
  static constexpr std::int64_t kGraceNs = 30'000'000'000;

  // Gives up what was cancelled kGrace ago. When to call again; nothing: no need.
  std::optional<BootTime> expire(BootTime now);

 private:
  struct Request {
    std::string tool, method, task;
    bool is_tool = false, wants_task = false;
    Permit permit;
  };
  struct Task {
    std::string tool;
    Permit permit;
  };
  void answered(Request request, const ServerLine& line);
  void end_task(const std::string& task);

  std::unordered_map<std::string, Request> requests_;
  std::map<std::string, BootTime> cancelled_;  // id_key -> when to give up
  std::unordered_map<std::string, Task> tasks_;
};

}  // namespace notaus::gate
