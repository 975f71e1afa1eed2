#include "gate/strict_json.h"

#include <gtest/gtest.h>
#include <simdjson.h>

#include <boost/json.hpp>
#include <random>
#include <string>

namespace notaus::gate {
namespace {

bool we_accept(const std::string& text) {
  Members top;
  return read_object(text, top).has_value();
}

bool boost_accepts(const std::string& text) {
  boost::json::parse_options options;
  options.max_depth = kMaxDepth;
  boost::json::error_code fault;
  return boost::json::parse(text, fault, {}, options).is_object() && !fault;
}

bool simdjson_accepts(const std::string& text) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  return parser.parse(text).get(object) == simdjson::SUCCESS;
}

// Numbers too large for them and surrogates, which they refuse and JSON does not: what is left to compare has neither.
bool beyond_them(const std::string& text) {
  std::size_t digits = 0;
  bool exponent = false;
  for (char c : text) {
    bool digit = c >= '0' && c <= '9';
    exponent = (c | 0x20) == 'e' || (exponent && (digit || c == '+' || c == '-'));
    digits = digit ? digits + 1 : 0;
    if (digits > (exponent ? 2u : 15u)) return true;
  }
  return text.find("\\u") != std::string::npos;
}

std::string mutated(std::string text, std::mt19937& random) {
  static const std::string bytes = "{}[]\",:\\/0129-+.eEtfnu \n\r\t\x01\x7f\x80\xc3\xa9\xed\xa0\xef\xbb\xbf\xf0\xff";
  for (unsigned edits = 1 + random() % 3; edits > 0; --edits) {
    std::size_t at = random() % text.size();
    char byte = random() % 40 == 0 ? '\0' : bytes[random() % bytes.size()];
    switch (random() % 4) {
      case 0: text[at] = byte; break;
      case 1: text.insert(at, 1, byte); break;
      case 2: text.erase(at, 1); break;
      default: text.insert(at, text.substr(random() % text.size(), random() % 8)); break;
    }
    if (text.empty()) text = "{";
  }
  return text;
}

TEST(StrictJson, TwoOtherParsersAgree) {
  const std::string seed =
      "{\"jsonrpc\":\"2.0\",\"id\":-10,\"p\\n\":{\"a\":[true,false,null,0,1.5e-3,{}],\"b\":\"caf\u00e9 "
      "\\\\\\\"\U0001F6D1\"},\"x\":[]} ";
  std::mt19937 random(7);
  int accepted = 0, compared = 0;
  for (int i = 0; i < 200'000; ++i) {
    std::string text = mutated(seed, random);
    if (beyond_them(text) || text.starts_with("\xEF\xBB\xBF")) continue;
    bool ours = we_accept(text);
    accepted += ours;
    ++compared;
    ASSERT_EQ(ours, simdjson_accepts(text)) << text;
    ASSERT_EQ(ours, boost_accepts(text)) << text;
  }
  EXPECT_GT(accepted, 10'000);
  EXPECT_GT(compared - accepted, 50'000);
}

// Why this parser exists: each of these is JSON that ordinary clients write.
TEST(StrictJson, TakesWhatTheLibrariesDoNot) {
  const std::string wei = R"({"n":100000000000000000000000})", half = R"({"t":"\ud83d"})";
  EXPECT_FALSE(simdjson_accepts(wei));
  EXPECT_FALSE(boost_accepts(half));
  EXPECT_TRUE(we_accept(wei));
  EXPECT_TRUE(we_accept(half));
}

TEST(StrictJson, ReadsWhatIsAskedFor) {
  Members inner, top{.inner_key = "p", .inner = &inner};
  ASSERT_TRUE(read_object("{ \"a\" : [ 1 ] ,\"\\u0070\":{\"k\":\" v\"},\"z\":{\"k\":2}}", top));
  ASSERT_EQ(top.list.size(), 3u);
  EXPECT_EQ(top.find("a"), "[ 1 ]");
  EXPECT_EQ(top.find("z"), "{\"k\":2}");
  EXPECT_EQ(top.find("y"), "");
  ASSERT_EQ(inner.list.size(), 1u);
  EXPECT_EQ(inner.find("k"), "\" v\"");
}

TEST(StrictJson, TooManyKeysToRead) {
  auto keys = [](std::size_t n) {
    std::string text = "{\"k0\":0";
    for (std::size_t i = 1; i < n; ++i) text += ",\"k" + std::to_string(i) + "\":0";
    return text + "}";
  };
  EXPECT_TRUE(we_accept(keys(kMaxMembers)));
  EXPECT_FALSE(we_accept(keys(kMaxMembers + 1)));
  EXPECT_TRUE(we_accept("{\"arguments\":" + keys(5 * kMaxMembers) + "}"));
}

TEST(StrictJson, Unescape) {
  struct Row {
    const char* json;
    std::optional<std::string> text;
  } rows[] = {
      {R"("plain")", "plain"},
      {R"("\"\\\/\b\f\n\r\t")", "\"\\/\b\f\n\r\t"},
      {R"("\u0041\u00e9\u20AC\ud83d\uDED1")", "A\u00e9\u20ac\U0001F6D1"},
      {R"("\u0000")", std::string(1, '\0')},
      {R"("\ud83d")", std::nullopt},
      {R"("\ud83dx\uded1")", std::nullopt},
      {R"("\uded1\ud83d")", std::nullopt},
      {R"("\u12")", std::nullopt},  // as a server may write it
      {R"("\)", std::nullopt},
      {R"("\u12zz")", std::nullopt},
      {"7", std::nullopt},
      {"", std::nullopt},
  };
  for (const Row& row : rows) EXPECT_EQ(unescape(row.json), row.text) << row.json;
}

TEST(StrictJson, Fold) {
  EXPECT_EQ(fold("TaskId"), "taskid");
  EXPECT_EQ(fold("ta\u017F\u212Aid"), "taskid");
  EXPECT_EQ(fold("caf\u00e9"), "caf\u00e9");
  EXPECT_EQ(fold("\xc5"), "\xc5");
}

}  // namespace
}  // namespace notaus::gate
