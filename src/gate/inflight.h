// gate/inflight.h: what was sent to the server and has not ended.
//
// A call is in flight until the server answers it; if it answers with a task handle, until that task is seen to have ended. Its
// Permit lives here for as long, so every stop lists it. How a stop has it ended is cancel.h.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include <notaus/guard.hpp>

#include "base/clock.h"
#include "gate/mcp.h"
#include "gate/server_line.h"

namespace notaus::gate {

// Where messages come from and go back to: over stdio the one way that there is, over HTTP a request with its response.
struct Way {
  std::string name = {};
  bool own_ids = false;  // an id means something on this way alone: HTTP without a session, where clients do not know of each other

  [[nodiscard]] std::string key(std::string id_key) const { return own_ids ? std::move(id_key) + " " + name : std::move(id_key); }
};

struct UnderWay;

// How a way ended on which a request was not answered: with something that is no message; with nothing; or so that an answer may yet come on
// another way.
enum class Rest : std::uint8_t { answered, lost, resumable };

// What a stop with --cancel has led to so far for one call.
struct Cancelling {
  std::optional<Cancellation> wanted;
  std::optional<BootTime> asked;  // when the server was asked to end it
};

class InFlight {
 public:
  static constexpr std::size_t kMost = 65536;

  struct Request {
    Message message;  // without its args
    std::string tool, meta, way;
    Permit permit;
    bool given_up = false;  // by the client, which no longer waits
    Cancelling ending = {};
  };
  struct Task {
    std::string tool, meta;
    Era era;
    Permit permit;
    Cancelling ending = {};
    std::optional<BootTime> poll_at = {};
  };

  [[nodiscard]] bool has(const std::string& id_key) const { return requests_.contains(id_key) || late_.contains(id_key); }
  [[nodiscard]] bool full() const { return requests_.size() + late_.size() >= kMost; }

  // The tool that runs as this task; empty if we saw none start.
  [[nodiscard]] std::string_view tool_of_task(const std::string& task) const;

  // Its first byte has left. A permit is empty for what the guard is not asked about.
  void start(UnderWay request);

  // A line of the server passed by. False: it must not reach the client, which has been told of this call's end already.
  [[nodiscard]] bool hear(const ServerLine& line, const Way& way = {});

  // Nothing more comes on this way. What may yet be answered on another is unknown only kGrace from `now`.
  void way_ended(const Way& way, Rest rest, BootTime now);

  // Nothing more comes on any: all is unknown.
  void end_all();

  // The client came back on this way for what was lost on another.
  void resumed(const Way& way);

  // The server will not answer on this way any more, since that is how it was asked to end: what its client is told; empty: nothing was
  // asked to end.
  std::string sever(const Way& way);

  // The client gave the request up. The server then answers or does not, and nobody learns what became of the call; so it is kept
  // as running for kGrace and then given up as unknown.
  void cancelled(const std::string& id_key, BootTime now);
  static constexpr std::int64_t kGraceNs = 30'000'000'000;

  // Gives up what was cancelled kGrace ago. When to call again; nothing: no need.
  std::optional<BootTime> expire(BootTime now);

  // For cancel.cc. A call that is given up is unknown; while its server has not answered it, it is late.
  std::unordered_map<std::string, Request>& requests() { return requests_; }
  std::unordered_map<std::string, Task>& tasks() { return tasks_; }
  void give_up(const std::string& id_key);
  void give_up_task(const std::string& task);
  void end_task(const std::string& task);
  [[nodiscard]] bool late() const { return !late_.empty() || !late_tasks_.empty(); }
  [[nodiscard]] bool only_late() const;  // no other call is in flight
  [[nodiscard]] bool empty() const { return requests_.empty() && tasks_.empty(); }

 private:
  void answered(Request request, const ServerLine& line);

  std::unordered_map<std::string, Request> requests_;
  std::map<std::string, BootTime> cancelled_;  // id_key -> when to give up
  std::unordered_map<std::string, Task> tasks_;
  std::unordered_map<std::string, std::string> late_;  // key -> its way
  std::unordered_set<std::string> late_tasks_;
};

}  // namespace notaus::gate
