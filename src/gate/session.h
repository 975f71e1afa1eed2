// gate/session.h: one client and one server of MCP, and the guard between them; no I/O.
//
// Order for each line of the client: hear_client, then, right before its first byte is handed over, last_look, then sent. Only one
// line is under way at a time: behind the last look there is no queue.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include <notaus/guard.hpp>

#include "base/clock.h"
#include "gate/inflight.h"
#include "gate/mcp.h"
#include "gate/server_line.h"

namespace notaus::gate {

struct Ruling {
  bool pass = false;           // forward the line, byte for byte; else it ends here
  std::string to_client = {};  // lines of ours
  std::string to_server = {};
  std::string note = {};  // for the person who reads stderr: "rejected a line from the client: …"
};

[[nodiscard]] Ruling reject(const Rejection& rejection);

class Session {
 public:
  explicit Session(Guard& guard) : guard_(guard) {}

  Ruling hear_client(std::string_view line);

  // Nothing: send the line that hear_client passed. Else it must not be sent, and this is to be told.
  std::optional<Ruling> last_look();

  void sent(BootTime now);  // its first byte has left
  void not_sent();          // none will

  Ruling hear_server(const ServerLine& line);

  [[nodiscard]] InFlight& in_flight() { return in_flight_; }

 private:
  struct Asked {  // by the server, of the client
    Permit permit;
    bool guarded = false;
  };
  struct Pending {
    Message message;
    std::string tool;
    Permit permit;
  };

  Ruling rule(Message message);
  Ruling rule_response(Message message);
  static Ruling denied(const Message& message, const Denial& denial);
  Ruling ask_client(const ServerLine& line);

  Guard& guard_;
  InFlight in_flight_;
  std::unordered_map<std::string, Asked> asked_;
  std::optional<Pending> pending_;
};

}  // namespace notaus::gate
