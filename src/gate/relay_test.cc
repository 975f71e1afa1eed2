#include "gate/relay.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace notaus::gate {
namespace {

constexpr std::size_t kMax = 1 << 20;

struct Seen {
  std::string out;
  std::vector<ServerLine> lines;
  std::size_t most_held = 0;
};

// `chunk` bytes at a time; requests are swallowed.
Seen relayed(std::string_view bytes, std::size_t chunk) {
  Relay relay(kMax);
  Seen seen;
  while (!bytes.empty()) {
    std::string_view part = bytes.substr(0, chunk);
    bytes.remove_prefix(part.size());
    while (!part.empty()) {
      auto state = relay.take(part);
      seen.most_held = std::max(seen.most_held, relay.bytes.size());
      if (state == Relay::State::holding) continue;
      std::string held = std::exchange(relay.bytes, {});
      if (state != Relay::State::streaming) seen.lines.push_back(relay.finish());
      if (state == Relay::State::streaming || !seen.lines.back().is_request()) seen.out += held;
    }
  }
  return seen;
}

ServerLine scanned(std::string_view line) {
  LineScan scan;
  for (char c : line) scan.take({&c, 1});
  return scan.finish();
}

TEST(LineScan, ReadsWhatMatters) {
  struct Row {
    const char* line;
    const char* id;
    const char* method;
    bool response;
  } rows[] = {
      {R"({"jsonrpc":"2.0","id":1,"result":{"id":2,"method":"x"}})", "1", "", true},
      {R"({"result":{"content":[{"id":9,"text":"\"id\":3,{[\\"}]},"jsonrpc":"2.0","id":"a"})", "\"a\"", "", true},
      {R"({"error":{"code":-1},"id": 5 })", "5", "", true},
      {R"({"jsonrpc":"2.0","method":"ping","id":1})", "1", "ping", false},
      {R"({"jsonrpc":"2.0","m\u0065thod":"sampling\/createMessage","id":1,"params":{}})", "1", "sampling/createMessage", false},
      {R"({"jsonrpc":"2.0","Method":"roots/list","ID":1})", "1", "roots/list", false},
      {R"({"jsonrpc":"2.0","method":"notifications/message","params":{"id":1}})", "", "notifications/message", false},
      {R"({"result":{},"id":1,"method":"roots/list"})", "1", "roots/list", false},  // whatever it is, it is a request too
      {R"({"result":{"x":NaN},"id":1})", "1", "", true},  // Python writes this; the call has ended all the same
      {R"({"result":{"x":"\ud800"},"id":1})", "1", "", true},
      {R"({"result":[{"a":[]}],"id":{"id":1}})", "", "", false},
      {R"({"id":1})", "1", "", false},
      {"", "", "", false},
      {"Server listening on 127.0.0.1", "", "", false},
      {R"("id":1,"result":{})", "", "", false},
      {"}}}}{\"id\":1,\"result\":{}}", "", "", false},
  };
  for (const Row& row : rows) {
    ServerLine line = scanned(row.line);
    EXPECT_EQ(line.id, row.id) << row.line;
    EXPECT_EQ(line.method, row.method) << row.line;
    EXPECT_EQ(line.is_response(), row.response) << row.line;
  }
}

TEST(LineScan, TellsMessagesFromNoise) {
  using Form = ServerLine::Form;
  EXPECT_EQ(scanned(" \t\r").form, Form::blank);
  EXPECT_EQ(scanned("[INFO] up").form, Form::noise);
  EXPECT_EQ(scanned("[]").form, Form::noise);
  EXPECT_EQ(scanned("npm warn {").form, Form::noise);
  EXPECT_EQ(scanned(R"([ {"id":1,"method":"ping"}])").form, Form::batch);
  EXPECT_EQ(scanned(R"( {"id":1})").form, Form::object);
  EXPECT_EQ(scanned("\xEF\xBB\xBF{\"id\":1,\"method\":\"ping\"}").method, "ping");  // some clients skip it
}

TEST(LineScan, ReadsTaskHandles) {
  ServerLine modern = scanned(R"({"id":1,"result":{"resultType":"task","taskId":"t1","status":"working"}})");
  EXPECT_EQ(modern.result_type + " " + modern.task + " " + modern.status, "task t1 working");
  ServerLine legacy =
      scanned(R"({"id":1,"result":{"task":{"taskId":"t2","status":"input_required"},"_meta":{"task":{"taskId":"no"}}}})");
  EXPECT_EQ(legacy.task + " " + legacy.status, "t2 input_required");
  ServerLine told = scanned(R"({"method":"notifications/tasks/status","params":{"status":"completed","taskId":"t3"}})");
  EXPECT_EQ(told.task + " " + told.status, "t3 completed");
  ServerLine content =
      scanned(R"({"id":1,"result":{"content":[{"taskId":"no","status":"completed"}],"structuredContent":{"taskId":"no"}}})");
  EXPECT_EQ(content.task + content.status, "");
}

std::string big_line(std::size_t size) {
  return R"({"result":{"content":[{"text":")" + std::string(size, 'x') + "\\\"\"}]},\"id\":42}\n";
}

TEST(Relay, BytesStayTheSameInAnyChunks) {
  std::string bytes = "starting up\n\n\r\n[1] x\n" + std::string(R"({"jsonrpc":"2.0","id":1,"result":{}})") + "\r\n" +
                      big_line(300'000) + "noise \xff\x80 without end" + std::string(70'000, '.') + "\n{\"broken\":\n" +
                      R"({"jsonrpc":"2.0","method":"notifications/progress","params":{}})" + "\n" + big_line(5);
  std::mt19937 random(3);
  for (std::size_t chunk :
       {std::size_t{1}, std::size_t{7}, std::size_t{4096}, std::size_t{65536}, bytes.size(), 1 + random() % 999}) {
    Seen seen = relayed(bytes, chunk);
    EXPECT_TRUE(seen.out == bytes) << chunk;
    EXPECT_EQ(seen.lines.size(), 10u);
    EXPECT_EQ(seen.lines[5].id, "42");
    EXPECT_TRUE(seen.lines[5].is_response());
  }
}

TEST(Relay, ALongResultStreamsInBoundedMemory) {
  std::string bytes = big_line(5 << 20);
  Seen seen = relayed(bytes, 65536);
  EXPECT_TRUE(seen.out == bytes);
  EXPECT_LE(seen.most_held, 3u * 65536);
  EXPECT_EQ(seen.lines.at(0).id, "42");
}

TEST(Relay, ARequestIsHeldHoweverLateItSaysSo) {
  std::string params = R"({"params":{"messages":")" + std::string(200'000, 'x') + R"("},)";
  std::string bytes = params + R"("method":"sampling/createMessage","id":1})" + "\n";
  for (std::size_t chunk : {std::size_t{100}, std::size_t{65536}}) EXPECT_EQ(relayed(bytes, chunk).out, "");
  std::string tell = params + R"("method":"notifications/message"})" + "\n";
  EXPECT_TRUE(relayed(tell, 65536).out == tell);
}

TEST(Relay, WhatStaysUndecidedTooLongIsLostAndTheNextLineIsNot) {
  std::string bytes = R"({"params":")" + std::string(2 * kMax, 'x') + R"(","method":"notifications/message"})" + "\n";
  Seen seen = relayed(bytes + big_line(5), 65536);
  EXPECT_EQ(seen.out, big_line(5));
  EXPECT_LE(seen.most_held, kMax + 65536);
}

}  // namespace
}  // namespace notaus::gate
