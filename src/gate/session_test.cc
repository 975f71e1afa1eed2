#include "gate/test_session.h"

namespace notaus::gate {
namespace {

// The table of what passes: open, disable_writes, stop_all.
TEST_F(SessionTest, WhatPassesUnderWhichStop) {
  struct Row {
    std::string line;
    const char* writes;
    const char* all;
  } rows[] = {
      {ask("1", "initialize"), "pass", "pass"},
      {ask("2", "server/discover"), "pass", "pass"},
      {ask("3", "ping"), "pass", "pass"},
      {ask("4", "tools/list"), "pass", "pass"},
      {ask("5", "tasks/get", R"({"taskId":"t"})"), "pass", "pass"},
      {ask("6", "tasks/cancel", R"({"taskId":"t"})"), "pass", "pass"},
      {R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":99}})", "pass", "pass"},
      {call("7", "email.send"), "killed: writes_disabled:", "killed: stop_all"},
      {call("8", "crm.find"), "pass", "killed: stop_all"},
      {ask("9", "resources/read"), "pass", "killed: stop_all"},
      {ask("10", "prompts/get"), "pass", "killed: stop_all"},
      {ask("11", "completion/complete"), "pass", "killed: stop_all"},
      {ask("12", "subscriptions/listen"), "pass", "killed: stop_all"},
      {ask("13", "logging/setLevel"), "pass", "pass"},  // the Inspector begins with it and ends if it is refused
      {ask("14", "x/y"), "killed: writes_disabled:", "killed: stop_all"},
      {ask("15", "tasks/update", R"({"taskId":"t"})"), "killed: writes_disabled:", "killed: stop_all"},
      {R"({"jsonrpc":"2.0","method":"x/y"})", "drop", "drop"},
  };
  struct {
    const char* stop;
    const char* Row::* expected;
  } passes[] = {{"disable_writes *", &Row::writes}, {"stop_all acme", &Row::all}, {"", nullptr}};
  for (const auto& pass : passes) {
    world.stop(pass.stop);
    for (const Row& row : rows) {
      EXPECT_EQ(client(row.line), pass.expected == nullptr ? "pass" : row.*pass.expected) << pass.stop << " " << row.line;
      if (row.line.find("\"id\"") != std::string::npos) server(answer(row.line.substr(22, row.line.find(",\"method") - 22)));
    }
  }
  EXPECT_EQ(world.in_flight(), "");
}

TEST_F(SessionTest, OnlyTheStoppedToolAndTenantAreStopped) {
  world.stop("disable_tool * email.send");
  EXPECT_EQ(client(call("1", "email.send")), "killed: tool_disabled:");
  EXPECT_EQ(client(call("1", "e\\u006dail.send")), "killed: tool_disabled:");
  EXPECT_EQ(client(call("1", "email.draft")), "pass");
  world.stop("stop_all globex");
  EXPECT_EQ(client(call("2", "email.send")), "pass");
}

TEST_F(SessionTest, AStopThatComesBetweenMeetsTheLastLook) {
  UnderWay under_way;
  ASSERT_TRUE(session.hear_client(call("1", "email.send"), under_way).pass);
  world.stop("disable_writes *");
  auto late = Session::last_look(under_way);
  ASSERT_TRUE(late);
  EXPECT_EQ(told(*late), "killed: writes_disabled:");
  EXPECT_EQ(world.in_flight(), "");
  world.stop();
  EXPECT_EQ(client(call("1", "email.send")), "pass");  // its id was never in flight
}

TEST_F(SessionTest, AnIdInFlightIsTakenWhateverItsSpelling) {
  EXPECT_EQ(client(call("1", "email.send")), "pass");
  EXPECT_EQ(client(call("1", "email.send")), "in flight already");
  EXPECT_EQ(client(ask("1e0", "ping")), "in flight already");
  EXPECT_EQ(client(call("\"1\"", "email.send")), "pass");
  EXPECT_EQ(world.in_flight(), "email.send email.send ");
  EXPECT_EQ(server(answer("1.0")), "pass");
  EXPECT_EQ(world.in_flight(), "email.send ");
  EXPECT_EQ(client(call("1", "email.send")), "pass");
}

TEST_F(SessionTest, ADuplicateIdIsAnsweredWithoutIt) {
  client(call("1", "email.send"));
  UnderWay under_way;
  EXPECT_NE(session.hear_client(call("1", "email.send"), under_way).to_client.find(R"("id":null)"), std::string::npos);
}

TEST_F(SessionTest, ATaskIsInFlightUntilItEnds) {
  struct Row {
    const char *params, *handle, *end;
  } rows[] = {
      {R"(,"task":{})", R"({"task":{"taskId":"t","status":"working"}})",
       R"({"jsonrpc":"2.0","id":2,"result":{"taskId":"t","status":"completed"}})"},
      {"", R"({"resultType":"task","taskId":"t","status":"working"})",
       R"({"jsonrpc":"2.0","id":2,"result":{"taskId":"t","status":"failed"}})"},
      {"", R"({"resultType":"task","task":{"taskId":"t"}})",
       R"({"jsonrpc":"2.0","method":"notifications/tasks/status","params":{"taskId":"t","status":"cancelled"}})"},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(client(call("1", "email.send", row.params)), "pass");
    server(answer("1", row.handle));
    EXPECT_EQ(client(ask("3", "tasks/cancel", R"({"taskId":"t"})")), "pass");
    server(answer("3"));  // an acknowledgement, not an end
    server(R"({"jsonrpc":"2.0","method":"notifications/tasks/status","params":{"taskId":"t","status":"working"}})");
    EXPECT_EQ(world.in_flight(), "email.send ");
    world.stop("disable_tool * email.send");
    EXPECT_EQ(client(ask("4", "tasks/update", R"({"taskId":"t"})")), "killed: tool_disabled:");
    EXPECT_EQ(client(ask("2", "tasks/get", R"({"taskId":"t"})")), "pass");
    EXPECT_EQ(server(row.end), "pass");
    EXPECT_EQ(world.in_flight(), "");
    server(answer("2"));
    world.stop();
  }
}

TEST_F(SessionTest, TasksResultIsTheEnd) {
  client(call("1", "email.send", R"(,"task":{})"));
  server(answer("1", R"({"task":{"taskId":"t"}})"));
  client(ask("2", "tasks/result", R"({"taskId":"t"})"));
  EXPECT_EQ(world.in_flight(), "email.send ");
  server(answer("2", R"({"content":[]})"));
  EXPECT_EQ(world.in_flight(), "");
}

TEST_F(SessionTest, AResultThatOnlyLooksLikeATaskIsTheEnd) {
  client(call("1", "email.send"));
  server(answer("1", R"({"content":[],"task":{"taskId":"t"}})"));
  EXPECT_EQ(world.in_flight(), "");
}

TEST_F(SessionTest, ACancelledCallIsRunningForAWhileAndThenUnknown) {
  client(call("1", "email.send"));
  EXPECT_EQ(client(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}})", {5}), "pass");
  auto when = session.keep_time({6}, false).next;
  ASSERT_TRUE(when);
  EXPECT_EQ(when->ns, 5 + InFlight::kGraceNs);
  EXPECT_EQ(world.in_flight(), "email.send ");
  EXPECT_FALSE(session.keep_time(*when, false).next);
  EXPECT_EQ(world.in_flight(), "");
}

TEST_F(SessionTest, RequestsOfTheServer) {
  const std::string sampling = ask("1", "sampling/createMessage"), elicitation = ask("2", "elicitation/create"),
                    roots = ask("3", "roots/list"), ping = ask("4", "ping");
  for (const auto& line : {sampling, elicitation, roots, ping}) EXPECT_EQ(server(line), "pass");
  EXPECT_EQ(client(answer("1")), "pass");
  EXPECT_EQ(client(answer("1")), "drop");  // answered already
  EXPECT_EQ(client(answer("77")), "drop");
  world.stop("stop_all *");
  EXPECT_EQ(client(answer("2")), "server killed: stop_all");
  EXPECT_EQ(client(answer("4")), "pass");  // of a ping
  for (const auto& line : {sampling, elicitation, roots}) EXPECT_EQ(server(line), "server killed: stop_all");
  EXPECT_EQ(server(ping), "pass");
  EXPECT_EQ(server(R"({"jsonrpc":"2.0","method":"notifications/message","params":{}})"), "pass");
  EXPECT_EQ(server("noise"), "pass");
  EXPECT_EQ(server("[" + sampling + "]"), "drop");
  world.stop("disable_writes *");
  EXPECT_EQ(server(sampling), "pass");
}

TEST_F(SessionTest, WhatIsInFlightMayFinishUnderAStop) {
  client(call("1", "email.send"));
  world.stop("stop_all *");
  EXPECT_EQ(world.in_flight(), "email.send ");
  EXPECT_EQ(server(answer("1")), "pass");
  EXPECT_EQ(world.in_flight(), "");
}

TEST_F(SessionTest, HostileLinesAskNobody) {
  UnderWay under_way;
  const char* twice = R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","name":"b"}})";
  Ruling ruling = session.hear_client(twice, under_way);
  EXPECT_FALSE(ruling.pass);
  EXPECT_EQ(ruling.note, "rejected a line from the client: duplicate key \"name\" (not forwarded)");
  EXPECT_NE(ruling.to_client.find(R"("id":1,"error")"), std::string::npos);
  EXPECT_EQ(world.in_flight(), "");
}

TEST_F(SessionTest, AStreamOfNewsIsNoWork) {
  EXPECT_EQ(client(ask("1", "subscriptions/listen")), "pass");
  EXPECT_EQ(world.in_flight(), "");
  EXPECT_EQ(client(ask("1", "ping")), "in flight already");
}

TEST_F(SessionTest, OnWaysWithIdsOfTheirOwnNobodyKnowsOfAnother) {
  const Way one{"#1", true}, two{"#2", true};
  EXPECT_EQ(client(call("1", "email.send"), {1}, one), "pass");
  EXPECT_EQ(client(call("1", "crm.find"), {1}, two), "pass");
  EXPECT_EQ(server(answer("1"), two), "pass");
  EXPECT_EQ(world.in_flight(), "email.send ");
  EXPECT_EQ(client(call("1", "crm.find"), {1}, one), "in flight already");
  session.way_ended(one, Rest::lost, {2});
  EXPECT_EQ(world.in_flight(), "");
  EXPECT_TRUE(session.idle());
}

TEST_F(SessionTest, WhatMayBeAnsweredElsewhereIsAwaitedForAWhile) {
  const Way one{"#1"}, two{"#2"};
  for (const char* id : {"1", "2"}) EXPECT_EQ(client(call(id, "email.send"), {1}, one), "pass");
  session.way_ended(one, Rest::resumable, {5});
  EXPECT_EQ(world.in_flight(), "email.send email.send ");
  EXPECT_EQ(server(answer("1"), two), "pass");
  EXPECT_EQ(world.in_flight(), "email.send ");
  EXPECT_EQ(session.keep_time({6}, false).next->ns, 5 + InFlight::kGraceNs);
  session.keep_time({5 + InFlight::kGraceNs}, false);
  EXPECT_EQ(world.in_flight(), "");
}

TEST_F(SessionTest, WhoComesBackForItWaitsAsLongAsItTakes) {
  const Way one{"#1"}, two{"#2"};
  EXPECT_EQ(client(call("1", "email.send"), {1}, one), "pass");
  session.way_ended(one, Rest::resumable, {5});
  session.resumed(two);
  session.keep_time({5 + InFlight::kGraceNs}, false);
  EXPECT_EQ(world.in_flight(), "email.send ");
  session.way_ended(two, Rest::lost, {6});
  EXPECT_EQ(world.in_flight(), "");
}

TEST_F(SessionTest, TheCallsOfOneCallerAreItsOwn) {
  Session other(guard, {"globex", "mailer"});
  world.stop("stop_all globex");
  UnderWay under_way;
  EXPECT_FALSE(other.hear_client(call("1", "crm.find"), under_way).pass);
  EXPECT_EQ(client(call("1", "crm.find")), "pass");
}

}  // namespace
}  // namespace notaus::gate
