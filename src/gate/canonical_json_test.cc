#include "gate/canonical_json.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <random>

#include <fmt/format.h>

#include "gate/strict_json.h"

namespace notaus::gate {
namespace {

// RFC 8785, appendix B, by the bits of the double.
TEST(CanonicalJson, NumbersAreThoseOfTheRfc) {
  const std::pair<std::uint64_t, const char*> rows[] = {
      {0x0000000000000000, "0"},
      {0x8000000000000000, "0"},
      {0x0000000000000001, "5e-324"},
      {0x8000000000000001, "-5e-324"},
      {0x7fefffffffffffff, "1.7976931348623157e+308"},
      {0xffefffffffffffff, "-1.7976931348623157e+308"},
      {0x4340000000000000, "9007199254740992"},
      {0xc340000000000000, "-9007199254740992"},
      {0x4430000000000000, "295147905179352830000"},
      {0x44b52d02c7e14af5, "9.999999999999997e+22"},
      {0x44b52d02c7e14af6, "1e+23"},
      {0x44b52d02c7e14af7, "1.0000000000000001e+23"},
      {0x444b1ae4d6e2ef4e, "999999999999999700000"},
      {0x444b1ae4d6e2ef4f, "999999999999999900000"},
      {0x444b1ae4d6e2ef50, "1e+21"},
      {0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"},
      {0x3eb0c6f7a0b5ed8d, "0.000001"},
      {0x41b3de4355555553, "333333333.3333332"},
      {0x41b3de4355555554, "333333333.33333325"},
      {0x41b3de4355555555, "333333333.3333333"},
      {0x41b3de4355555556, "333333333.3333334"},
      {0x41b3de4355555557, "333333333.33333343"},
      {0xbecbf647612f3696, "-0.0000033333333333333333"},
      {0x43143ff3c1cb0959, "1424953923781206.2"},
  };
  for (const auto& [bits, text] : rows) {
    double number = 0;
    std::memcpy(&number, &bits, sizeof number);
    EXPECT_EQ(canonical(fmt::format("{:.17e}", number)), text);
    EXPECT_EQ(canonical(text), text);
  }
}

TEST(CanonicalJson, OneValueHasOneSpelling) {
  struct Row {
    const char* written;
    const char* canonical;
  } rows[] = {
      // RFC 8785, 3.2.2 and 3.2.3
      {R"({ "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
            "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false] })",
       "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],"
       "\"string\":\"\u20ac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}"},
      {R"({"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One",)"
       R"("\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"})",
       "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u0080\":\"Control\",\"\u00f6\":\"Latin Small Letter O With Diaeresis\","
       "\"\u20ac\":\"Euro Sign\",\"\U0001F600\":\"Emoji: Grinning Face\",\"\ufb33\":\"Hebrew Letter Dalet With Dagesh\"}"},
      {"{\"b\" : [1.0, {\"d\":-0, \"c\":1e2}] ,\t\"a\":\"\\u0061\"}\r\n", R"({"a":"a","b":[1,{"c":100,"d":0}]})"},
      {"{}", "{}"},
      {"[ ]", "[]"},
      {R"({"aa":1,"a":2,"":3})", R"({"":3,"a":2,"aa":1})"},
      {"9007199254740991", "9007199254740991"},
      {"1000000000000000000000", "1e+21"},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(canonical(row.written), row.canonical);
    EXPECT_EQ(canonical(row.canonical), row.canonical);
  }
}

// Each a pair that some reader takes for one, and that must not pass for a repeat.
TEST(CanonicalJson, WhatDiffersStaysDifferent) {
  const std::pair<const char*, const char*> rows[] = {
      {"9007199254740992", "9007199254740993"},
      {"18446744073709551615", "18446744073709551616"},
      {"1e400", "2e400"},
      {R"({"a":1,"a":2})", R"({"a":2})"},
      {R"({"a":1,"a":2})", R"({"a":2,"a":1})"},
      {R"("\ud800")", R"("\ud801")"},
      {R"("\ud800")", R"("\ufffd")"},
      {R"({"a":"b\",\"c\":\"d"})", R"({"a":"b","c":"d"})"},
      {"[1,2]", "[12]"},
      {"[[1],2]", "[1,[2]]"},
      {R"("1")", "1"},
      {R"("null")", "null"},
      {"{}", "[]"},
  };
  for (const auto& [a, b] : rows) EXPECT_NE(canonical(a), canonical(b)) << a << " " << b;
}

// Values made at random, each written in two ways: other order, other spaces, other escapes.
class Speller {
 public:
  explicit Speller(std::uint64_t seed) : random_(seed) {}

  std::pair<std::string, std::string> value(int depth) {
    switch (random_() % (depth > 4 ? 3 : 5)) {
      case 0: return string();
      case 1: return number();
      case 2: return {"true", " true\n"};
      case 3: return array(depth);
      default: return object(depth);
    }
  }

 private:
  std::pair<std::string, std::string> string() {
    std::string a = "\"", b = "\"";
    for (auto left = random_() % 6; left > 0; --left) {
      const auto point = static_cast<unsigned>(random_() % 0x7f);
      const bool must_escape = point < 0x20 || point == '"' || point == '\\';
      a += must_escape ? fmt::format("\\u{:04X}", point) : std::string(1, static_cast<char>(point));
      b += fmt::format("\\u{:04x}", point);
    }
    return {a + '"', b + '"'};
  }
  std::pair<std::string, std::string> number() {
    const double number =
        static_cast<double>(static_cast<std::int64_t>(random_())) / static_cast<double>(1 + random_() % 1'000'000);
    return {fmt::format("{:.17e}", number), fmt::format("{:.17E}", number)};
  }
  std::pair<std::string, std::string> array(int depth) {
    std::string a = "[", b = "[ ";
    for (auto left = random_() % 4; left > 0; --left) {
      auto [x, y] = value(depth + 1);
      a += x + (left > 1 ? "," : "");
      b += y + (left > 1 ? "\t, " : "");
    }
    return {a + "]", b + "\r\n]"};
  }
  std::pair<std::string, std::string> object(int depth) {
    std::string a, b;
    for (auto member = random_() % 5; member > 0; --member) {
      auto [x, y] = value(depth + 1);
      const std::string key = fmt::format("\"k{}\"", member * 7 % 5);
      a = a + (a.empty() ? "" : ",") + key + ":" + x;
      b = " " + key + " : " + y + (b.empty() ? "" : ",") + b;
    }
    return {"{" + a + "}", "{" + b + "}"};
  }

  std::mt19937_64 random_;
};

TEST(CanonicalJson, TwoSpellingsOfOneValueMeet) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  Speller speller(seed);
  for (int i = 0; i < 20'000; ++i) {
    auto [a, b] = speller.value(0);
    const std::string one = canonical(a);
    ASSERT_EQ(one, canonical(b)) << a << "\n" << b;
    ASSERT_EQ(one, canonical(one)) << a;
    Members top;
    ASSERT_TRUE(!one.starts_with('{') || read_object(one, top)) << one;
  }
}

}  // namespace
}  // namespace notaus::gate
