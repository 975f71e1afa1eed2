// Texts as people and editors write them. tests/client_files has whole files, and the program itself.
#include "app/client_file.h"

#include <gtest/gtest.h>

#include "app/jsonc.h"

namespace notaus::app {
namespace {

const Wrapping kWrapping{.notaus = "/bin/notaus", .state = "/s", .config = {}, .tenant = {}, .agent = {}};
const std::string kOurs = R"("mcp", "--state", "/s", "--server", "a", "--")";

std::string file(const std::string& entry) { return R"({"mcpServers": {"a": )" + entry + "}}"; }

TEST(ClientFile, OnlyCommandAndArgsChange) {
  struct Row {
    std::string before, after;
  } rows[] = {
      {R"({"command": "x", "args": ["y"]})", R"({"command": "/bin/notaus", "args": [)" + kOurs + R"(, "x", "y"]})"},
      {R"({"args" :[ ], "command" :"x"})", R"({"args" :[)" + kOurs + R"(, "x" ], "command" :"/bin/notaus"})"},
      {R"({ /*1*/ "command": "\u0078" /*2*/ , "args": [ /*3*/ "y", /*4*/ ], })",
       R"({ /*1*/ "command": "/bin/notaus" /*2*/ , "args": [ /*3*/ )" + kOurs + R"(, "\u0078", "y", /*4*/ ], })"},
      {R"({"command": "notaus", "args": ["mcp", "--state=/old", "--", "x", "--", "y"]})",
       R"({"command": "/bin/notaus", "args": ["mcp", "--state=/s", "--server", "a", "--", "x", "--", "y"]})"},
      {R"({"command": "/bin/notaus", "args": ["mcp", "--state", "/s", "--server", "a", "--tenant", "t", "--", "x"]})",
       R"({"command": "/bin/notaus", "args": ["mcp", "--state", "/s", "--server", "a", "--tenant", "t", "--", "x"]})"},
      {R"({"command": "notaus", "args": ["mcp", "--server", "a"]})", R"({"command": "notaus", "args": ["mcp", "--server", "a"]})"},
      {R"({"url": "http://x", "args": [1]})", R"({"url": "http://x", "args": [1]})"},
  };
  for (const Row& row : rows) {
    auto wrapped = wrap(file(row.before), kWrapping);
    ASSERT_TRUE(wrapped) << wrapped.error().what;
    EXPECT_EQ(wrapped->text, file(row.after));
    auto again = wrap(wrapped->text, kWrapping);
    ASSERT_TRUE(again) << again.error().what;
    EXPECT_EQ(again->text, wrapped->text);
  }
}

TEST(ClientFile, UnwrappedIsAsItWas) {
  for (const std::string before : {R"({"command": "x", "args": ["y"]})", R"({"command": "x", "args": [ ]})",
                                   "{\r\n\t\"args\": [\r\n\t\t\"y\", // why\r\n\t\t\"z\",\r\n\t], \"command\": \"\\u0078\"}"}) {
    auto wrapped = wrap(file(before), kWrapping);
    ASSERT_TRUE(wrapped) << wrapped.error().what;
    auto bare = unwrap(wrapped->text);
    ASSERT_TRUE(bare) << bare.error().what;
    EXPECT_NE(wrapped->text, bare->text);
    EXPECT_EQ(bare->text, file(before));
  }
}

TEST(Jsonc, Refused) {
  for (const std::string text : {"", "{", "[1 2]", "{\"a\" 1}", "{a: 1}", "[01]", "[\"\n\"]", "[\"\\x\"]", "nul", "[,]", "{,}", "/",
                                 "/*", "1 2", R"({"a":1,"a":2})", R"({"a":1,"\u0061":2})", "[\"\\"})
    EXPECT_FALSE(jsonc::parse(text)) << text;
  for (const std::string text :
       {"1", "\xEF\xBB\xBF {} // end", "[1,]", "/**/ {\"a\": [true, null,], } /**/", "\"\\\\\"", "[{\"a\":1},{\"a\":1}]"})
    EXPECT_TRUE(jsonc::parse(text)) << text;
  EXPECT_EQ(jsonc::parse("{\n \"a\": 1\n \"b\": 2}").error().what, "3:2: expected a comma or `}`");
}

}  // namespace
}  // namespace notaus::app
