// gate/test_session.h: for tests: a session whose lines are written by the test, over a page that it stops.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "gate/session.h"
#include "gate/test_world.h"

namespace notaus::gate {

class SessionTest : public testing::Test {
 protected:
  // What becomes of a line of the client, sent at once if it may be: "pass", "drop", or the answer's first fact.
  std::string client(const std::string& line, BootTime now = {1}, const Way& way = {}) {
    UnderWay under_way;
    Ruling ruling = session.hear_client(line, under_way, way);
    if (ruling.pass) {
      if (auto late = Session::last_look(under_way)) return "late " + told(*late);
      session.sent(std::move(under_way), now);
    }
    return told(ruling);
  }
  std::string server(const std::string& line, const Way& way = {}) {
    LineScan scan;
    scan.take(line);
    return told(session.hear_server(scan.finish(), way));
  }
  static std::string told(const Ruling& ruling) {
    if (ruling.pass) return "pass";
    const std::string& text = ruling.to_client.empty() ? ruling.to_server : ruling.to_client;
    if (text.empty()) return "drop";
    std::string to = ruling.to_client.empty() ? "server " : "";
    for (const char* what : {"killed: stop_all", "killed: writes_disabled:", "killed: tool_disabled:", "in flight already"})
      if (text.find(what) != std::string::npos) return to + what;
    return to + text;
  }
  static std::string call(const std::string& id, const std::string& tool, const std::string& more = "") {
    return R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":"tools/call","params":{"name":")" + tool + "\"" + more + "}}";
  }
  static std::string ask(const std::string& id, const std::string& method, const std::string& params = "{}") {
    return R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":")" + method + R"(","params":)" + params + "}";
  }
  static std::string answer(const std::string& id, const std::string& result = "{}") {
    return R"({"jsonrpc":"2.0","id":)" + id + R"(,"result":)" + result + "}";
  }

  test::World world;
  Guard guard = Guard::open({.state = world.path(), .tenant = "acme"});
  Session session{guard, {"acme", ""}};
};

}  // namespace notaus::gate
