#include "gate/mcp_head.h"

#include <gtest/gtest.h>

#include <string>

namespace notaus::gate {
namespace {

class McpHead : public testing::Test {
 protected:
  const net::Head& head(const std::string& fields, const std::string& method = "POST",
                        const std::string& more = "Content-Length: 2\r\n") {
    text_ = method + " /mcp/x HTTP/1.1\r\nHost: x\r\n" + more + fields + "\r\n";
    parser_.begin();
    EXPECT_TRUE(parser_.take_head(text_)) << text_;
    return parser_.head();
  }

 private:
  std::string text_;
  net::Parser parser_{net::Side::request};
};

const std::string kJson = "Content-Type: application/json\r\n";

TEST_F(McpHead, WhichMayCarryAMessage) {
  struct Row {
    std::string fields;
    unsigned status;
  } rows[] = {
      {kJson, 0},
      {"Content-Type: Application/JSON ; Charset=UTF-8\r\n", 0},
      {"Content-Type: application/json; charset=utf-16\r\n", 415},
      {"Content-Type: text/plain\r\n", 415},
      {"Content-Type: application/jsonx\r\n", 415},
      {"", 415},
      {kJson + "Content-Encoding: identity\r\n", 0},
      {kJson + "Content-Encoding: gzip\r\n", 415},
      {kJson + "Mcp-Name: a\r\n", 0},
      {kJson + "Mcp-Name: a\r\nmcp-name: a\r\n", 400},
      {kJson + "Mcp_Name: a\r\n", 400},
      {kJson + "MCP-Protocol-Version: a\r\nMcp-Protocol-Version: a\r\n", 400},
      {kJson + "Mcp-Param-X: a\r\nMcp-Param-Y: a\r\n", 0},
  };
  for (const Row& row : rows) EXPECT_EQ(unsound_mcp(head(row.fields)).status, row.status) << row.fields;
  EXPECT_EQ(unsound_mcp(head("", "GET", "")).status, 0u);
  EXPECT_EQ(unsound_mcp(head("", "DELETE", "")).status, 0u);
  EXPECT_EQ(unsound_mcp(head("", "GET")).status, 400u);
  EXPECT_EQ(unsound_mcp(head("Last-Event-ID: 1\r\nLast-Event-Id: 2\r\n", "GET", "")).status, 400u);
  EXPECT_EQ(unsound_mcp(head(kJson, "PUT")).status, 405u);
}

TEST_F(McpHead, SaysWhatTheBodySays) {
  auto message = classify(R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"n\u00e4me","_meta":)"
                          R"({"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}})");
  ASSERT_TRUE(message);
  struct Row {
    std::string fields;
    bool differs;
  } rows[] = {
      {"", false},
      {"Mcp-Method: tools/call\r\n", false},
      {"Mcp-Method: tools/list\r\n", true},
      {"Mcp-Method: Tools/Call\r\n", true},
      {"Mcp-Name: =?base64?bsOkbWU=?=\r\n", false},
      {"Mcp-Name: =?base64?bsOkbWU?=\r\n", false},
      {"Mcp-Name: =?base64?bsOk?=\r\n", true},
      {"Mcp-Name: =?base64?b*?=\r\n", true},
      {"Mcp-Name: =?base64?=\r\n", true},
      {"Mcp-Name: other\r\n", true},
      {"MCP-Protocol-Version: 2026-07-28\r\n", false},
      {"MCP-Protocol-Version: 2025-11-25\r\n", true},
  };
  for (const Row& row : rows) EXPECT_EQ(differs(head(row.fields), *message).has_value(), row.differs) << row.fields;
  for (const char* other : {R"({"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"a"}})",
                            R"({"jsonrpc":"2.0","id":1,"method":"tasks/get","params":{"taskId":"a"}})",
                            R"({"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{"name":"a"}})"}) {
    EXPECT_FALSE(differs(head("Mcp-Name: a\r\n"), *classify(other))) << other;
    EXPECT_TRUE(differs(head("Mcp-Name: b\r\n"), *classify(other))) << other;
    EXPECT_FALSE(differs(head("MCP-Protocol-Version: 2025-11-25\r\n"), *classify(other))) << "the old era has it in the head alone";
  }
}

TEST_F(McpHead, WhatTheNewEraMustHave) {
  const std::string meta =
      R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}})";
  const std::string call = R"({"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"a",)" + meta + "}}";
  const std::string list = R"({"jsonrpc":"2.0","id":7,"method":"tools/list","params":{)" + meta + "}}";
  const std::string bare =
      R"({"jsonrpc":"2.0","id":7,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}})";
  const std::string old = R"({"jsonrpc":"2.0","id":7,"method":"tools/list"})";
  const std::string version = "MCP-Protocol-Version: 2026-07-28\r\n", method = "Mcp-Method: m\r\n", name = "Mcp-Name: a\r\n";
  struct Row {
    std::string fields, body;
    int code;
  } rows[] = {
      {version + method + name, call, 0},
      {version + method, call, kHeaderMismatch},
      {version + name, call, kHeaderMismatch},
      {method + name, call, kHeaderMismatch},
      {version + method, list, 0},
      {version + method, bare, -32602},
      {version, old, -32602},
      {"MCP-Protocol-Version: 2025-11-25\r\n", old, 0},
      {"", old, 0},
  };
  for (const Row& row : rows) {
    auto lacks = lacking(head(kJson + row.fields), *classify(row.body));
    EXPECT_EQ(lacks ? lacks->code : 0, row.code) << row.fields << row.body;
    if (lacks) EXPECT_EQ(lacks->id, "7");
  }
}

}  // namespace
}  // namespace notaus::gate
