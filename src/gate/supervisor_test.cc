#include "gate/supervisor.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <set>

#include "gate/test_world.h"

namespace notaus::gate {
namespace {

using namespace std::chrono_literals;
using What = Told::What;

// Answers whatever it is asked, as if its id were 1.
const Command kServer{.argv = {"/bin/sh", "-c", R"(while read line; do echo '{"jsonrpc":"2.0","id":1,"result":{}}'; done)"},
                      .env = {}};

class SupervisorTest : public testing::Test {
 protected:
  // What a request was told, until that ends it: the last, and the session that began.
  struct Heard {
    Told last;
    std::string session;
  };
  Heard ask(const Caller& caller, Errand::What what, const std::string& session, const std::string& line = {},
            const Command& command = kServer) {
    auto text = std::make_shared<std::string>(line);
    Message message;
    if (!line.empty()) message = *classify(*text);
    struct Box {
      std::mutex mutex;
      std::condition_variable bell;
      Heard heard;
      bool done = false;
    };
    auto box = std::make_shared<Box>();
    auto tell = [box, passes = passes](Told told) {
      std::lock_guard lock(box->mutex);
      if (told.what == What::session) box->heard.session = told.text;
      if (told.what == What::session || told.what == passes) return;
      box->heard.last = std::move(told);
      box->done = true;
      box->bell.notify_all();
    };
    supervisor.take({.what = what,
                     .server = "s",
                     .session = session,
                     .command = command,
                     .caller = caller,
                     .outgoing = {.text = text, .message = std::move(message), .way = std::to_string(++ways), .tell = tell}});
    std::unique_lock lock(box->mutex);
    EXPECT_TRUE(box->bell.wait_for(lock, 10s, [&] { return box->done; }));
    return box->heard;
  }
  Heard begin(const Caller& caller, const Command& command = kServer) {
    return ask(caller, Errand::What::message, "", R"({"jsonrpc":"2.0","id":1,"method":"initialize"})", command);
  }
  Heard ping(const Caller& caller, const std::string& session) {
    return ask(caller, Errand::What::message, session, R"({"jsonrpc":"2.0","id":1,"method":"ping"})");
  }

  test::World world;
  Guard guard = Guard::open({.state = world.path()});
  Supervisor supervisor{guard};
  Caller acme{"acme", "a"}, globex{"globex", "a"};
  What passes = What::message;  // of what a request is told, what does not end it
  int ways = 0;
};

TEST_F(SupervisorTest, ACallerHasSoManyChildrenAndLeavesRoomForOthers) {
  std::set<std::string> sessions;
  for (std::size_t i = 0; i < Supervisor::kMostOfCaller; ++i) {
    Heard heard = begin(acme);
    ASSERT_EQ(heard.last.what, What::answer) << heard.last.text;
    sessions.insert(heard.session);
  }
  EXPECT_EQ(sessions.size(), Supervisor::kMostOfCaller);
  const Heard over = begin(acme);
  EXPECT_EQ(over.last.what, What::refused);
  EXPECT_EQ(over.last.status, 503u);
  EXPECT_NE(over.last.text.find("no more processes of servers than 32 of one caller"), std::string::npos) << over.last.text;
  EXPECT_EQ(begin(globex).last.what, What::answer);
  EXPECT_EQ(ping(acme, *sessions.begin()).last.what, What::answer);

  EXPECT_EQ(ask(acme, Errand::What::end, *sessions.begin()).last.what, What::accepted);
  EXPECT_EQ(ping(acme, *sessions.begin()).last.status, 404u);
  auto again = begin(acme);
  for (const auto until = std::chrono::steady_clock::now() + 10s;
       again.last.what == What::refused && std::chrono::steady_clock::now() < until;)
    again = begin(acme);  // the room is there once its process is gone
  EXPECT_EQ(again.last.what, What::answer);
}

TEST_F(SupervisorTest, ASessionIsItsCallersAlone) {
  const std::string session = begin(acme).session;
  EXPECT_EQ(ping(acme, session).last.what, What::answer);
  EXPECT_EQ(ping(globex, session).last.status, 403u);
  EXPECT_EQ(ask(globex, Errand::What::end, session).last.status, 403u);
  EXPECT_EQ(ping(acme, session + "x").last.status, 404u);
  EXPECT_EQ(ping(acme, "").last.status, 400u);
}

TEST_F(SupervisorTest, AServerThatIsNoneOrRefusesTheSessionLeavesNone) {
  const Heard none = begin(acme, {.argv = {"/no/such/command"}, .env = {}});
  EXPECT_EQ(none.last.what, What::not_sent);
  EXPECT_NE(none.last.text.find("/no/such/command: No such file"), std::string::npos) << none.last.text;
  const Heard dies = begin(acme, {.argv = {"/bin/sh", "-c", "read line"}, .env = {}});
  EXPECT_EQ(dies.last.what, What::unknown);
  EXPECT_EQ(ping(acme, dies.session).last.status, 404u);
  const std::string refuses = R"(read line; echo '{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"no"}}'; read line)";
  const Heard refused = begin(acme, {.argv = {"/bin/sh", "-c", refuses}, .env = {}});
  EXPECT_EQ(refused.last.what, What::answer);
  EXPECT_EQ(ping(acme, refused.session).last.status, 404u);
}

TEST_F(SupervisorTest, WhatConcernsNoRequestGoesToTheOneWhoListensForIt) {
  const std::string speaks =
      R"(read line; echo '{"jsonrpc":"2.0","id":1,"result":{}}'; echo '{"jsonrpc":"2.0","method":"notifications/x"}'
while read line; do echo '{"jsonrpc":"2.0","id":1,"result":{}}'; done)";
  const std::string session = begin(acme, {.argv = {"/bin/sh", "-c", speaks}, .env = {}}).session;
  passes = What::accepted;
  const Heard news = ask(acme, Errand::What::news, session);
  EXPECT_EQ(news.last.what, What::message);
  EXPECT_EQ(news.last.text, R"({"jsonrpc":"2.0","method":"notifications/x"})");
  EXPECT_EQ(ask(acme, Errand::What::news, session).last.status, 409u);
}

}  // namespace
}  // namespace notaus::gate
