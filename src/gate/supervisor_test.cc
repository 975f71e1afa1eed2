#include "gate/supervisor.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <optional>
#include <set>

#include "base/test_within.h"
#include "gate/test_world.h"

namespace notaus::gate {
namespace {

using namespace std::chrono_literals;
using What = Told::What;

constexpr const char* kPing = R"({"jsonrpc":"2.0","id":1,"method":"ping"})";

// Answers with its process.
const Command kTells{
    .argv = {"/bin/sh", "-c", R"(while read line; do echo "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"pid\":$$}}"; done)"},
    .env = {}};

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
    (few ? *few : supervisor)
        .take({.what = what,
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
  Heard ping(const Caller& caller, const std::string& session) { return ask(caller, Errand::What::message, session, kPing); }
  // Which process answers a request of the new era.
  std::string who(const Caller& caller, const Command& command) {
    return ask(caller, Errand::What::message, "",
               R"({"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}})",
               command)
        .last.text;
  }

  test::World world;
  Guard guard = Guard::open({.state = world.path()});
  Supervisor supervisor{guard};
  std::optional<Supervisor> few;  // in its place, if there is one
  Caller acme{"acme", "a"}, globex{"globex", "a"};
  What passes = What::message;  // of what a request is told, what does not end it
  int ways = 0;
};

TEST_F(SupervisorTest, ACallerHasSoManyChildrenAndLeavesRoomForOthers) {
  std::set<std::string> sessions;
  for (std::size_t i = 0; i < Supervisor::Limits().of_caller; ++i) {
    Heard heard = begin(acme);
    ASSERT_EQ(heard.last.what, What::answer) << heard.last.text;
    sessions.insert(heard.session);
  }
  EXPECT_EQ(sessions.size(), Supervisor::Limits().of_caller);
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

TEST_F(SupervisorTest, ThereAreSoManyChildrenInAll) {
  EXPECT_EQ(Supervisor::Limits().all, 256u);
  few.emplace(guard, nullptr, Supervisor::Limits{.all = 3, .of_caller = 2});
  for (const Caller& caller : {acme, acme, globex}) EXPECT_EQ(begin(caller).last.what, What::answer);
  EXPECT_NE(begin(acme).last.text.find("than 2 of one caller"), std::string::npos);
  const Heard over = begin(globex);
  EXPECT_EQ(over.last.status, 503u);
  EXPECT_NE(over.last.text.find("than 3 in all"), std::string::npos) << over.last.text;
}

TEST_F(SupervisorTest, WhatNobodyUsesEnds) {
  few.emplace(guard, nullptr, Supervisor::Limits{.forget_session_ns = 1, .forget_ns = 3'600'000'000'000});
  const std::string session = begin(acme).session;
  const std::string alone = who(acme, kTells);
  EXPECT_TRUE(within([&] { return ping(acme, session).last.status == 404; }));
  EXPECT_EQ(who(acme, kTells), alone) << "one without a session is forgotten later";
  few.reset();
  few.emplace(guard, nullptr, Supervisor::Limits{.forget_ns = 1});
  const std::string kept = begin(acme).session, first = who(acme, kTells);
  EXPECT_TRUE(within([&] { return who(acme, kTells) != first; }));
  EXPECT_EQ(ping(acme, kept).last.what, What::answer) << "a session is forgotten later";
}

// The configuration was read again, and the server is another command now.
TEST_F(SupervisorTest, AnotherCommandIsAnotherChildAndASessionKeepsItsOwn) {
  const std::string session = begin(acme, kTells).session, before = who(acme, kTells);
  EXPECT_EQ(who(acme, kTells), before);
  Command changed = kTells;
  changed.env.emplace("TOKEN", "new");
  const std::string after = who(acme, changed);
  EXPECT_NE(after, before);
  EXPECT_EQ(who(acme, changed), after);
  EXPECT_EQ(ask(acme, Errand::What::message, session, kPing, changed).last.what, What::answer);
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
