#include "gate/denial.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace notaus::gate {
namespace {

const Denial kStop{
    .why = Why::writes_disabled, .reason = "killed: writes_disabled:email.send", .stop = "s1", .revision = 41, .help = ""};
const Denial kFence{
    .why = Why::page_missing, .reason = "killed: fenced:page_missing", .stop = "", .revision = 0, .help = "run `notaus status`"};

Message call(std::string_view id, std::string_view meta) {
  return *classify(R"({"jsonrpc":"2.0","id":)" + std::string(id) +
                   R"(,"method":"tools/call","params":{"name":"email.send","_meta":{)" + std::string(meta) + "}}}");
}

boost::json::value parsed(const std::string& line) {
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  return boost::json::parse(line);
}

TEST(Denial, OfAToolIsAResultThatAModelReads) {
  std::string line = denial_line(call("1e0", ""), kStop);
  EXPECT_TRUE(line.starts_with(R"({"jsonrpc":"2.0","id":1e0,"result":{)")) << line;  // the client's own bytes
  auto answer = parsed(line);
  auto& result = answer.at("result").as_object();
  EXPECT_EQ(result.at("isError"), true);
  EXPECT_FALSE(result.contains("structuredContent"));
  EXPECT_FALSE(result.contains("resultType"));
  std::string text(result.at("content").at(0).at("text").as_string());
  EXPECT_EQ(text.substr(0, text.find('\n')), kStop.reason);
  for (const char* said : {"Not executed", "operator", "not an error to fix", "Do not retry", "another way", "Tell the user"})
    EXPECT_NE(text.find(said), std::string::npos) << said;
  auto& denied = result.at("_meta").at("notaus/denied");
  EXPECT_EQ(denied,
            boost::json::parse(R"({"reason":"killed: writes_disabled:email.send","stop":"s1","revision":41,"retryable":false})"));
}

TEST(Denial, OfTheModernEraIsComplete) {
  auto answer = parsed(denial_line(call("\"a\"", R"("io.modelcontextprotocol/protocolVersion":"2026-07-28")"), kStop));
  EXPECT_EQ(answer.at("id"), "a");
  EXPECT_EQ(answer.at("result").at("resultType"), "complete");
}

TEST(Denial, WithoutAStopBlamesNoOperator) {
  auto answer = parsed(denial_line(call("1", ""), kFence));
  std::string text(answer.at("result").at("content").at(0).at("text").as_string());
  EXPECT_EQ(text.find("operator"), std::string::npos);
  EXPECT_NE(text.find("run `notaus status`"), std::string::npos);
  EXPECT_TRUE(answer.at("result").at("_meta").at("notaus/denied").at("stop").is_null());
}

TEST(Denial, OfAnythingElseIsAnErrorOutsideTheReservedCodes) {
  Message read = *classify(R"({"jsonrpc":"2.0","id":4,"method":"resources/read","params":{"uri":"a:b"}})");
  auto answer = parsed(denial_line(read, kStop));
  EXPECT_EQ(answer.at("id"), 4);
  auto code = answer.at("error").at("code").as_int64();
  EXPECT_TRUE(code < -32768 || code > -32000) << code;
  EXPECT_EQ(answer.at("error").at("data").at("reason").as_string(), kStop.reason);
  Message told = *classify(R"({"jsonrpc":"2.0","method":"x/y"})");
  EXPECT_EQ(denial_line(told, kStop), "");
}

TEST(Denial, OfACallThatAsksForATaskIsAnErrorToo) {
  Message task = *classify(R"({"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"email.send","task":{"ttl":1}}})");
  for (const std::string& line : {denial_line(task, kStop), given_up_line(task, kStop)}) {
    auto answer = parsed(line);
    std::string message(answer.at("error").at("message").as_string());
    EXPECT_EQ(message.substr(0, message.find('\n')), kStop.reason);
    EXPECT_FALSE(answer.as_object().contains("result"));
  }
}

TEST(Denial, HostileNamesStayInsideTheirString) {
  Denial denial = kStop;
  denial.reason = "killed: writes_disabled:a\"},\n\x1b\xff";
  auto answer = parsed(denial_line(call("1", ""), denial));
  EXPECT_EQ(answer.as_object().size(), 3u);
}

TEST(Rejection, SaysWhyWithoutRepeatingTheLine) {
  auto answer = parsed(rejection_line({kInvalidRequest, "duplicate key \"name\"", "\"x\""}));
  EXPECT_EQ(answer.at("id"), "x");
  EXPECT_EQ(answer.at("error").at("code"), -32600);
  EXPECT_EQ(answer.at("error").at("message"), "notaus: not forwarded: duplicate key \"name\"");
}

}  // namespace
}  // namespace notaus::gate
