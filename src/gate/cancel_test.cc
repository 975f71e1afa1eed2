// `notaus stop --cancel` upon one server: who is asked to end, who is told what, and which server is ended.
#include "gate/test_session.h"

namespace notaus::gate {
namespace {

using namespace std::chrono_literals;

class CancelTest : public SessionTest {
 protected:
  // Stops with --cancel and a grace, and returns when that is over.
  BootTime end(const std::string& stop, std::chrono::milliseconds grace = 2s) {
    world.end(stop, grace);
    session.page_changed();
    return session.keep_time(boot_now(), false).next.value_or(BootTime{});
  }
  static BootTime later(BootTime from, std::chrono::nanoseconds by) { return {from.ns + by.count()}; }
  struct Said {
    std::string to_server, to_client;
    bool end_server;
    std::optional<BootTime> next;
  };
  Said at(BootTime now, bool amid_line = false) {
    Session::Due due = session.keep_time(now, amid_line);
    Said said{"", "", due.end_server, due.next};
    for (const Order& order : due.orders) (order.to == Order::To::server ? said.to_server : said.to_client) += order.line;
    return said;
  }
};

const std::string kAsked = R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1,"reason":"killed: )";

TEST_F(CancelTest, ACallHasItsGraceIsThenAskedToEndAndASecondLaterGivenUp) {
  client(call("1", "email.send"));
  const BootTime over = end("disable_tool * email.send");
  ASSERT_GT(over, later(boot_now(), 1s));

  auto before = at(later(over, -1ms));
  EXPECT_EQ(before.to_server + before.to_client, "");

  auto asked = at(over);
  EXPECT_EQ(asked.to_server, kAsked + "tool_disabled:email.send\"}}\n");
  EXPECT_EQ(asked.to_client, "");
  EXPECT_EQ(asked.next, later(over, 1s));
  EXPECT_EQ(world.in_flight(), "email.send ") << "asked is not ended";
  EXPECT_EQ(at(later(over, 999ms)).to_server, "") << "asked once";

  auto given_up = at(later(over, 1s));
  EXPECT_NE(given_up.to_client.find(R"("id":1,"result")"), std::string::npos) << given_up.to_client;
  EXPECT_NE(given_up.to_client.find(R"("isError":true)"), std::string::npos);
  EXPECT_NE(
      given_up.to_client.find(R"("text":"killed: tool_disabled:email.send\noutcome unknown: it was already sent and may have )"
                              R"(taken effect; do not repeat it.)"),
      std::string::npos);
  EXPECT_EQ(world.in_flight(), "");
  EXPECT_TRUE(given_up.end_server) << "it has no other call";
}

TEST_F(CancelTest, WithoutCancelACallIsNeitherAskedNorGivenUp) {
  client(call("1", "email.send"));
  world.stop("disable_tool * email.send");
  session.page_changed();
  auto due = at(later(boot_now(), 3600s));
  EXPECT_EQ(due.to_server + due.to_client, "");
  EXPECT_FALSE(due.end_server);
  EXPECT_EQ(server(answer("1")), "pass");
}

TEST_F(CancelTest, ACallThatEndsInItsGraceIsAnsweredTruly) {
  client(call("1", "email.send"));
  const BootTime over = end("stop_all *");
  EXPECT_EQ(server(answer("1")), "pass");
  auto due = at(later(over, 10s));
  EXPECT_EQ(due.to_server + due.to_client, "");
  EXPECT_FALSE(due.end_server);
}

TEST_F(CancelTest, ACallThatEndsWhenAskedIsAnsweredTruly) {
  client(call("1", "email.send"));
  const BootTime over = end("stop_all *");
  EXPECT_NE(at(over).to_server, "");
  EXPECT_EQ(server(answer("1")), "pass");
  auto due = at(later(over, 10s));
  EXPECT_EQ(due.to_client, "");
  EXPECT_FALSE(due.end_server);
}

TEST_F(CancelTest, AServerThatServesOthersGoesOnServingThem) {
  client(call("1", "email.send"));
  client(call("2", "crm.find"));
  const BootTime over = end("disable_writes *");
  EXPECT_EQ(at(over).to_server, kAsked + "writes_disabled:email.send\"}}\n");
  auto given_up = at(later(over, 1s));
  EXPECT_NE(given_up.to_client.find(R"("id":1,)"), std::string::npos);
  EXPECT_EQ(given_up.to_client.find(R"("id":2,)"), std::string::npos);
  EXPECT_FALSE(given_up.end_server) << "crm.find is not in scope";
  EXPECT_EQ(world.in_flight(), "crm.find ");

  EXPECT_EQ(server(answer("1")), "drop") << "the client has been told already";
  EXPECT_EQ(server(answer("2")), "pass");
  EXPECT_FALSE(at(later(over, 2s)).end_server) << "all have ended after all";
}

TEST_F(CancelTest, OnceTheOthersHaveEndedTheServerIsEnded) {
  client(call("1", "email.send"));
  client(call("2", "crm.find"));
  const BootTime over = end("disable_writes *");
  at(over);
  EXPECT_FALSE(at(later(over, 1s)).end_server);
  EXPECT_EQ(server(answer("2")), "pass");
  EXPECT_TRUE(at(later(over, 2s)).end_server);
}

TEST_F(CancelTest, TheIdOfALateCallIsNotGivenToAnother) {
  client(call("1", "email.send"));
  client(call("2", "crm.find"));
  const BootTime over = end("disable_writes *");
  at(over), at(later(over, 1s));
  EXPECT_EQ(client(call("1", "crm.find")), "in flight already");
  EXPECT_EQ(server(answer("1")), "drop");
  EXPECT_EQ(client(call("1", "crm.find")), "pass");
}

TEST_F(CancelTest, ACallTheClientGaveUpIsNotAskedTwiceAndNotAnswered) {
  client(call("1", "email.send"));
  client(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}})", boot_now());
  const BootTime over = end("stop_all *");
  EXPECT_EQ(at(over).to_server, "");
  auto given_up = at(later(over, 1s));
  EXPECT_EQ(given_up.to_client, "");
  EXPECT_TRUE(given_up.end_server);
  EXPECT_EQ(world.in_flight(), "");
}

TEST_F(CancelTest, RequestsThatAreNoToolCallGetAnError) {
  client(ask("1", "resources/read"));
  const BootTime over = end("stop_all *");
  at(over);
  auto given_up = at(later(over, 1s));
  EXPECT_NE(given_up.to_client.find(R"("id":1,"error")"), std::string::npos) << given_up.to_client;
  EXPECT_NE(given_up.to_client.find(R"("reason":"killed: stop_all")"), std::string::npos);
  EXPECT_NE(given_up.to_client.find(R"("outcome":"unknown")"), std::string::npos);
}

TEST_F(CancelTest, WhatKeepsTheSessionAliveIsNoCall) {
  client(ask("1", "ping"));
  client(ask("2", "initialize"));
  const BootTime over = end("stop_all *");
  EXPECT_EQ(over, BootTime{});
  auto due = at(later(boot_now(), 3600s));
  EXPECT_EQ(due.to_server + due.to_client, "");
  EXPECT_FALSE(due.end_server);
}

TEST_F(CancelTest, AStopLiftedInTheGraceEndsNothing) {
  client(call("1", "email.send"));
  const BootTime over = end("stop_all *");
  world.stop();
  session.page_changed();
  auto due = at(later(over, 10s));
  EXPECT_EQ(due.to_server + due.to_client, "");
  EXPECT_EQ(world.in_flight(), "email.send ");
}

TEST_F(CancelTest, AStopLiftedAfterTheAskingDoesNotLeaveTheClientWaiting) {
  client(call("1", "email.send"));
  const BootTime over = end("stop_all *");
  at(over);
  world.stop();
  session.page_changed();
  EXPECT_NE(at(later(over, 1s)).to_client, "") << "a server that was asked to end a call does not answer it";
}

TEST_F(CancelTest, AnAnswerThatIsOnItsWayIsWaitedFor) {
  client(call("1", "email.send"));
  client(call("2", "crm.find"));
  const BootTime over = end("disable_writes *");
  at(over);
  EXPECT_EQ(at(later(over, 1s), true).to_client, "");
  EXPECT_FALSE(at(later(over, 60s), true).end_server) << "it may be the answer to crm.find";
  EXPECT_EQ(server(answer("1")), "pass");
  EXPECT_EQ(at(later(over, 61s)).to_client, "");
}

TEST_F(CancelTest, AServerThatNeverEndsItsLineIsEnded) {
  client(call("1", "email.send"));
  const BootTime over = end("disable_writes *");
  at(over);
  auto amid = at(later(over, 1s), true);
  EXPECT_FALSE(amid.end_server);
  EXPECT_EQ(amid.next, later(over, 2s));
  EXPECT_TRUE(at(later(over, 2s), true).end_server);
}

// A task is asked to end, and asked how it ended: unlike a request it tells.
TEST_F(CancelTest, ATaskTellsHowItEnded) {
  struct Era {
    const char *call, *handle, *meta;
  } eras[] = {
      {R"(,"task":{})", R"({"task":{"taskId":"t","status":"working"}})", ""},
      {R"(,"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","progressToken":7,)"
       R"("io.modelcontextprotocol/clientCapabilities":{"x":1}})",
       R"({"resultType":"task","taskId":"t","status":"working"})",
       R"(,"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"x":1}})"},
  };
  for (const Era& era : eras) {
    client(call("1", "email.send", era.call));
    server(answer("1", era.handle));
    const BootTime over = end("disable_tool * email.send");
    auto id_in = [](const std::string& line) {
      const std::size_t from = line.find(R"("id":")") + 5;
      return line.substr(from, line.find('"', from + 1) + 1 - from);
    };
    const std::string asked = at(over).to_server, cancel = id_in(asked);
    EXPECT_EQ(asked,
              R"({"jsonrpc":"2.0","id":)" + cancel + R"(,"method":"tasks/cancel","params":{"taskId":"t")" + era.meta + "}}\n");
    EXPECT_EQ(server(answer(cancel)), "drop") << "the client did not ask";
    const std::string polled = at(later(over, 200ms)).to_server;
    EXPECT_NE(polled.find("tasks/get"), std::string::npos) << polled;
    EXPECT_EQ(server(answer(id_in(polled), R"({"taskId":"t","status":"working"})")), "drop");
    EXPECT_EQ(world.in_flight(), "email.send ");
    const std::string again = at(later(over, 400ms)).to_server;
    EXPECT_EQ(server(answer(id_in(again), R"({"taskId":"t","status":"cancelled"})")), "drop");
    EXPECT_EQ(world.in_flight(), "");
    EXPECT_FALSE(at(later(over, 2s)).end_server);
    world.stop();
  }
}

TEST_F(CancelTest, ATaskThatDoesNotEndIsUnknownAndItsServerEnded) {
  client(call("1", "email.send", R"(,"task":{})"));
  server(answer("1", R"({"task":{"taskId":"t"}})"));
  const BootTime over = end("stop_all *");
  at(over);
  auto due = at(later(over, 1s));
  EXPECT_EQ(due.to_client, "") << "nobody waits for it";
  EXPECT_TRUE(due.end_server);
  EXPECT_EQ(world.in_flight(), "");
}

TEST_F(CancelTest, ACallThatTurnsIntoATaskInItsGraceIsEndedAsOne) {
  client(call("1", "email.send", R"(,"task":{})"));
  const BootTime over = end("stop_all *");
  server(answer("1", R"({"task":{"taskId":"t"}})"));
  EXPECT_NE(at(over).to_server.find("tasks/cancel"), std::string::npos);
}

TEST_F(CancelTest, WhatTheServerAskedOfTheClientIsTakenBack) {
  server(ask("1", "sampling/createMessage"));
  server(ask("2", "ping"));
  const BootTime over = end("disable_writes *");
  EXPECT_EQ(over, BootTime{}) << "it is a read";
  const BootTime all = end("stop_all *");
  auto due = at(all);
  EXPECT_EQ(due.to_client, kAsked + "stop_all\"}}\n");
  EXPECT_NE(due.to_server.find(R"("id":1,"error")"), std::string::npos) << due.to_server;
  EXPECT_EQ(client(answer("1")), "drop");
  EXPECT_EQ(client(answer("2")), "pass");
}

}  // namespace
}  // namespace notaus::gate
