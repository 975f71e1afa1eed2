// gate/session.h: one client and one server of MCP, and the guard between them; no I/O. Both framings, stdio and HTTP, go by it.
//
// Order for each message of the client: hear_client, then, right before its first byte is handed over, last_look, then sent; if none leaves,
// not_sent.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <notaus/guard.hpp>

#include "base/clock.h"
#include "gate/cancel.h"
#include "gate/identity.h"
#include "gate/inflight.h"
#include "gate/mcp.h"
#include "gate/server_line.h"

namespace notaus::gate {

struct Ruling {
  bool pass = false;  // forward the message, byte for byte; else it ends here
  std::string to_client = {};  // messages of ours, each a line
  std::string to_server = {};
  std::string note = {};  // for the person who reads stderr: "rejected a line from the client: …"
};

[[nodiscard]] Ruling reject(const Rejection& rejection);

// A message of the client that may pass, from hear_client until its first byte has left.
struct UnderWay {
  Message message = {};  // without its args and meta
  std::string tool = {}, meta = {};
  Way way = {};
  Permit permit = {};
};

class Session {
 public:
  explicit Session(Guard& guard, Caller caller = {}) : guard_(guard), caller_(std::move(caller)) {}

  // `into` is set if it may pass. Views in `message` are into the text that it was read from.
  Ruling hear_client(Message message, UnderWay& into, const Way& way = {});
  Ruling hear_client(std::string_view text, UnderWay& into, const Way& way = {});

  // Nothing: send it. Else it must not be sent, and this is to be told.
  static std::optional<Ruling> last_look(UnderWay& what);

  void sent(UnderWay what, BootTime now);  // its first byte has left
  static void not_sent(UnderWay what);  // none will

  Ruling hear_server(const ServerLine& line, const Way& way = {});

  void way_ended(const Way& way, Rest rest, BootTime now);
  void resumed(const Way& way) { in_flight_.resumed(way); }
  std::string sever(const Way& way) { return in_flight_.sever(way); }

  // It answers nothing any more: whatever it has not answered is unknown.
  void server_ended();

  // The page has changed: what is in flight may have to be ended.
  void page_changed();

  // What is due by now: calls to be ended or given up. `amid_line`: bytes of a line of the server are with the client already.
  struct Due {
    std::vector<Order> orders = {};
    bool end_server = false;
    std::optional<BootTime> next = {};  // when to come again; nothing: no need yet
  };
  Due keep_time(BootTime now, bool amid_line);

  // Calls were given up, and the server has not answered them: when it does, the client must not see it.
  [[nodiscard]] bool late() const { return in_flight_.late(); }
  [[nodiscard]] bool has(const std::string& id_key) const { return in_flight_.has(id_key); }
  [[nodiscard]] bool runs(const std::string& task) const { return !in_flight_.tool_of_task(task).empty(); }
  [[nodiscard]] bool idle() const { return in_flight_.empty() && asked_.empty(); }
  [[nodiscard]] const Caller& caller() const { return caller_; }

 private:
  struct Asked {  // by the server, of the client
    std::string id;  // as the server wrote it
    std::string way;
    Permit permit;
    bool guarded = false;
    std::optional<Cancellation> wanted = {};
  };

  Ruling rule(Message&& message, const Way& way, UnderWay& into);
  Ruling rule_response(Message&& message, UnderWay& into);
  Admission admit(Call call);
  static Ruling denied(const Message& message, const Denial& denial);
  Ruling ask_client(const ServerLine& line, const Way& way);
  void end_asked(BootTime now, Due& due);

  Guard& guard_;
  const Caller caller_;
  InFlight in_flight_;
  Canceller canceller_{in_flight_};
  std::unordered_map<std::string, Asked> asked_;
};

}  // namespace notaus::gate
