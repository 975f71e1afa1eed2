#include "gate/mcp.h"

#include <gtest/gtest.h>

#include <string>

#include "gate/rpc_id.h"

namespace notaus::gate {
namespace {

using namespace std::string_literals;

std::string request(std::string_view method, std::string_view params = "{}") {
  return R"({"jsonrpc":"2.0","id":7,"method":")"s.append(method).append(R"(","params":)").append(params) + "}\n";
}

std::string notification(std::string_view method) { return R"({"jsonrpc":"2.0","method":")"s.append(method) + "\"}\n"; }

std::string text(Asks asks) {
  const char* names[] = {"nothing", "tool", "read", "news", "task", "write"};
  return names[static_cast<int>(asks)];
}

// "tool email.send", "write x/y", or why it is rejected.
std::string asked(std::string_view line) {
  auto message = classify(line);
  if (!message) return "rejected: " + message.error().why;
  if (message->shape == Shape::response) return "response " + message->id_key;
  std::string out = text(message->asks);
  Call call = call_of(*message, "");
  return call.tool.empty() ? out : out + " " + std::string(call.tool);
}

TEST(Mcp, EveryMethodHasItsQuestion) {
  struct Row {
    std::string line;
    const char* asks;
  } rows[] = {
      {request("initialize"), "nothing"},
      {request("server/discover"), "nothing"},
      {request("ping"), "nothing"},
      {request("tools/list"), "nothing"},
      {request("prompts/list"), "nothing"},
      {request("resources/list"), "nothing"},
      {request("resources/templates/list"), "nothing"},
      {request("resources/unsubscribe", R"({"uri":"a:b"})"), "nothing"},
      {request("tasks/get", R"({"taskId":"t"})"), "nothing"},
      {request("tasks/result", R"({"taskId":"t"})"), "nothing"},
      {request("tasks/list"), "nothing"},
      {request("tasks/cancel", R"({"taskId":"t"})"), "nothing"},
      {notification("notifications/initialized"), "nothing"},
      {notification("notifications/cancelled"), "nothing"},
      {notification("notifications/progress"), "nothing"},
      {notification("notifications/roots/list_changed"), "nothing"},
      {request("tools/call", R"({"name":"email.send"})"), "tool email.send"},
      {request("tools/call", R"({"name":"email.send","task":{"ttl":1}})"), "tool email.send"},
      {request("tools/call", R"({"name":"email.send","requestState":"s","inputResponses":{}})"), "tool email.send"},  // a retry
      {request("tasks/update", R"({"taskId":"t"})"), "task tasks/update"},
      {request("resources/read", R"({"uri":"a:b"})"), "read"},
      {request("prompts/get", R"({"name":"email.send"})"), "read"},
      {request("completion/complete"), "read"},
      {request("resources/subscribe"), "read"},
      {request("subscriptions/listen"), "news"},
      {request("logging/setLevel"), "nothing"},
      {request("x/y"), "write x/y"},
      {notification("x/y"), "write x/y"},
      {notification("tools/list_changed"), "write tools/list_changed"},
      {R"({"jsonrpc":"2.0","id":3,"result":{}})", "response 3"},
      {R"({"jsonrpc":"2.0","id":"3","error":{"code":1,"message":"m"}})", "response \"3"},
  };
  for (const Row& row : rows) EXPECT_EQ(asked(row.line), row.asks) << row.line;
}

TEST(Mcp, OnlyWhatIsUnknownIsAWriteByItself) {
  auto effect = [](const std::string& line) { return call_of(*classify(line), "").effect; };
  EXPECT_EQ(effect(request("tools/call", R"({"name":"crm.find"})")), Effect::read);  // the catalogue decides
  EXPECT_EQ(effect(request("resources/read")), Effect::read);
  EXPECT_EQ(effect(request("tasks/update")), Effect::write);
  EXPECT_EQ(effect(request("x/y")), Effect::write);
}

TEST(Mcp, WhatACallSays) {
  std::string line = request("tools/call", R"({"name":"e\u006dail.send", "arguments": {"n": 1e999, "to":["\ud800"]} ,"task":{}})");
  auto message = classify(line);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->tool, "email.send");
  EXPECT_EQ(message->args, R"({"n": 1e999, "to":["\ud800"]})");  // as written
  EXPECT_EQ(message->id, "7");
  EXPECT_TRUE(message->wants_task);
  EXPECT_EQ(message->era, Era::legacy);
  auto modern = classify(request("tools/call", R"({"name":"a","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}})"));
  EXPECT_EQ(modern->era, Era::modern);
  EXPECT_FALSE(modern->wants_task);
  EXPECT_EQ(classify(request("notifications/cancelled", R"({"requestId":"a"})"))->cancels, "\"a");
  EXPECT_EQ(classify(request("tasks/get", R"({"taskId":"t1"})"))->task, "t1");
}

// Beside each hostile line its clean twin, which passes: a test that rejects everything would prove nothing.
TEST(Mcp, HostileLinesAreRejected) {
  struct Row {
    std::string hostile, why, clean;
  };
  auto call = [](const std::string& members) { return R"({"jsonrpc":"2.0","id":1,"method":"tools/call",)" + members + "}"; };
  const std::string good = call(R"("params":{"name":"a"})");
  auto deep = [&](std::size_t n) {
    return call(R"("params":{"name":"a","arguments":)" + std::string(n - 2, '[') + std::string(n - 2, ']') + "}");
  };
  const Row rows[] = {
      {call(R"("params":{"name":"a","name":"b"})"), R"(duplicate key "name")", good},
      {call(R"("params":{"name":"a","na\u006de":"b"})"), R"(duplicate key "name")", call(R"("params":{"na\u006de":"b"})")},
      {call(R"("params":{"name":"a","Name":"b"})"), R"(key "name" is spelled "Name")", good},
      {call(R"("params":{"Name":"a"})"), R"(key "name" is spelled "Name")", good},
      {call(R"("params":{"name":"a"},"params":{"name":"b"})"), R"(duplicate key "params")", good},
      {call(R"("params":{"name":"a"},"method":"ping")"), R"(duplicate key "method")", good},
      {call(R"("params":{"name":"a"},"METHOD":"ping")"), R"(key "method" is spelled "METHOD")", good},
      {call("\"params\":{\"name\":\"a\"},\"param\u017F\":{\"name\":\"b\"}"), "key \"params\" is spelled \"param\u017F\"", good},
      {call(R"("params":{"name":"a"},"param\u017f":{})"), "key \"params\" is spelled \"param\u017F\"", good},
      {call(R"("params":{"name":"a","X":1,"x":2})"), R"(duplicate key "x")", call(R"("params":{"name":"a","X":1,"y":2})")},
      {call(R"("params":{"name":"a"},"id":2)"), R"(duplicate key "id")", good},
      {call(R"("params":{"name":"a","_meta":{"k":1,"k":2}})"), R"(duplicate key "k")",
       call(R"("params":{"name":"a","_meta":{"k":1}})")},
      {call(R"("params":{"name":"a","arguments":{},"Arguments":{}})"), R"(key "arguments" is spelled "Arguments")",
       call(R"("params":{"name":"a","arguments":{"k":1,"k":2}})")},  // arguments are the tool's own business
      {R"({"jsonrpc":"2.0","id":1,"method":"Tools/Call","params":{"name":"a"}})", R"(method "tools/call" is spelled "Tools/Call")",
       good},
      {"\xEF\xBB\xBF" + good, "a byte order mark", good},
      {"[" + good + "]", "a batch", good},
      {"[]", "a batch", good},
      {good + good, "bytes behind the end of the message", good + " \r\n"},
      {good + "x", "bytes behind the end of the message", "\r\n " + good},
      {good + '\0', "bytes behind the end of the message", good},
      {"7", "not an object", good},
      {"\"tools/call\"", "not an object", good},
      {call("\"params\":{\"name\":\"a\xff\"}"), "not UTF-8", call("\"params\":{\"name\":\"a\u00e9\"}")},
      {call("\"params\":{\"name\":\"a\xed\xa0\x80\"}"), "not UTF-8", good},  // a surrogate, encoded
      {call("\"params\":{\"name\":\"\xc0\xaf\"}"), "not UTF-8", good},       // overlong
      {call("\"params\":{\"name\":\"a\",\"x\":\"\xff\"}"), "not UTF-8", call("\"params\":{\"name\":\"a\",\"x\":\"f\"}")},
      {call(R"("params":{"name":"a\ud83d"})"), "tools/call without the name of a tool",
       call(R"("params":{"name":"a\ud83d\uded1"})")},
      {call(R"("params":{"name":"\udE00a"})"), "tools/call without the name of a tool", good},
      {call(R"("params":{"name":"a","\ud800":1})"), "a key with a lone surrogate", good},
      {call("\"params\":{\"name\":\"a\nb\"}"), "not JSON: a control character in a string",
       call(R"("params":{"name":"a","arguments":{"t":"a\nb"}})")},
      {deep(65), "nested deeper than 64", deep(64)},
      {call(R"("params":{"name":"a","arguments":NaN})"), "not JSON: expected a value",
       call(R"("params":{"name":"a","arguments":null})")},
      {call(R"("params":{"name":"a","arguments":01})"), "not JSON: expected , or }",
       call(R"("params":{"name":"a","arguments":10})")},
      {call(R"("params":{"name":"a",})"), "not JSON: expected a key", good},
      {call(R"("params":{'name':'a'})"), "not JSON: expected a key", good},
      {call(R"("params":{"name":"a"/**/})"), "not JSON: expected , or }", good},
      {good.substr(0, good.size() - 1), "not JSON: expected , or }", good},
      {call(R"("params":{})"), "tools/call without the name of a tool", good},
      {call(R"("params":{"name":""})"), "tools/call without the name of a tool", good},
      {call(R"("params":{"name":7})"), "tools/call without the name of a tool", good},
      {call(R"("params":{"name":["a"]})"), "tools/call without the name of a tool", good},
      {call(R"("params":["a"])"), "params is not an object", good},
      {R"({"jsonrpc":"2.0","id":1,"method":"tools/call"})", "tools/call without the name of a tool", good},
      {R"({"jsonrpc":"2.0","method":"tools/call","params":{"name":"a"}})", "tools/call without an id", good},
      {R"({"jsonrpc":"2.0","id":null,"method":"ping"})", "id is neither a string nor an integer",
       R"({"jsonrpc":"2.0","id":0,"method":"ping"})"},
      {R"({"jsonrpc":"2.0","id":1.5,"method":"ping"})", "id is neither a string nor an integer",
       R"({"jsonrpc":"2.0","id":1.0,"method":"ping"})"},
      {R"({"jsonrpc":"2.0","id":[1],"method":"ping"})", "id is neither a string nor an integer",
       R"({"jsonrpc":"2.0","id":"1","method":"ping"})"},
      {R"({"jsonrpc":"2.0","id":true,"method":"ping"})", "id is neither a string nor an integer",
       R"({"jsonrpc":"2.0","id":-1,"method":"ping"})"},
      {R"({"jsonrpc":"2.0","id":"\ud800","method":"ping"})", "id is neither a string nor an integer",
       R"({"jsonrpc":"2.0","id":"","method":"ping"})"},
      {R"({"id":1,"method":"ping"})", "jsonrpc is not \"2.0\"", R"({"jsonrpc":"2.0","id":1,"method":"ping"})"},
      {R"({"jsonrpc":2.0,"id":1,"method":"ping"})", "jsonrpc is not \"2.0\"", R"({"jsonrpc":"2\u002e0","id":1,"method":"ping"})"},
      {R"({"jsonrpc":"2.0","id":1,"method":7})", "method is not a string", R"({"jsonrpc":"2.0","id":1,"method":"7"})"},
      {R"({"jsonrpc":"2.0","id":1,"method":""})", "method is not a string", R"({"jsonrpc":"2.0","id":1,"method":" "})"},
      {R"({"jsonrpc":"2.0","id":1,"method":"ping","result":{}})", "both a method and a result",
       R"({"jsonrpc":"2.0","id":1,"result":{}})"},
      {R"({"jsonrpc":"2.0","id":1,"error":{},"result":{}})", "both a result and an error",
       R"({"jsonrpc":"2.0","id":1,"error":{}})"},
      {R"({"jsonrpc":"2.0","result":{}})", "a response without an id", R"({"jsonrpc":"2.0","id":1,"result":{}})"},
      {R"({"jsonrpc":"2.0","id":1})", "neither a method nor a result", R"({"jsonrpc":"2.0","id":1,"method":"ping"})"},
      {"{}", "jsonrpc is not \"2.0\"", good},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(asked(row.hostile), "rejected: " + row.why) << row.hostile;
    EXPECT_FALSE(asked(row.clean).starts_with("rejected")) << row.clean << "\n" << asked(row.clean);
  }
}

TEST(Mcp, WhatServersTakeDifferentlyIsStillOneMessage) {
  const std::string cases[] = {
      R"({"jsonrpc":"2.0","id":1,"method":"tools\u002fcall","params":{"name":"\u0065cho"}})",
      "{\"jsonrpc\":\"2.0\",\r\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"echo\"}}\r\n",
      "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"echo\",\"arguments\":{\"t\":\"\u2028\"}}}",
  };
  for (const std::string& line : cases) EXPECT_EQ(asked(line), "tool echo") << line;
  EXPECT_EQ(classify(R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo\u0000"}})").error().why,
            "a control character in the name of a tool");
  EXPECT_EQ(asked(R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"Echo "}})"), "tool Echo ");
}

TEST(Mcp, ARejectionNamesTheIdIfItCouldBeRead) {
  auto rejected = [](const std::string& line) { return classify(line).error(); };
  EXPECT_EQ(rejected(R"({"jsonrpc":"2.0","id":"a","method":7})").id, "\"a\"");
  EXPECT_EQ(rejected(R"({"jsonrpc":"2.0","id":null,"method":"ping"})").id, "null");
  EXPECT_EQ(rejected(R"({"jsonrpc":"2.0","id":1,"id":1,"method":"ping"})").id, "null");  // which one?
  EXPECT_EQ(rejected("{").code, kParseError);
  EXPECT_EQ(rejected("[]").code, kInvalidRequest);
}

TEST(RpcId, SameValueSameKey) {
  EXPECT_EQ(id_key("1"), id_key("1.0"));
  EXPECT_EQ(id_key("1"), id_key("1e0"));
  EXPECT_EQ(id_key("100"), id_key("1E2"));
  EXPECT_EQ(id_key("0"), id_key("-0"));
  EXPECT_EQ(id_key(R"("a")"), id_key(R"("\u0061")"));
  EXPECT_NE(id_key("1"), id_key("\"1\""));
  EXPECT_NE(id_key("9007199254740993"), id_key("9007199254740992"));
  for (const char* none : {"", "null", "1.5", "1e-1", "1e300", "{}", "[1]", "true", "-", "123456789012345678901", "\"\\ud800\""})
    EXPECT_FALSE(id_key(none)) << none;
}

}  // namespace
}  // namespace notaus::gate
