#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/json.h"
#include "base/must.h"

namespace notaus {
namespace {

TEST(Json, HostileTextStaysOneStringOnOneLine) {
  struct Row {
    std::string_view text, json;
  } rows[] = {
      {"plain", "\"plain\""},
      {"a\"b\\c", "\"a\\\"b\\\\c\""},
      {"new\nline", "\"new\\nline\""},
      {"esc\x1b[2J", "\"esc\\u001b[2J\""},
      {"sep\u2028", "\"sep\\u2028\""},
      {"caf\u00e9 \U0001F6D1", "\"caf\u00e9 \U0001F6D1\""},
      {"bad\xff", "\"bad\\ufffd\""},
      {"\xc0\xaf", "\"\\ufffd\\ufffd\""},         // overlong '/'
      {"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""},  // a surrogate is no character
      {"cut\xe2\x82", "\"cut\\ufffd\\ufffd\""},
      {"csi\u009b2J", "\"csi\\u009b2J\""},  // a terminal obeys it as ESC [
      {"\u202egnp.exe", "\"\\u202egnp.exe\""},
      {"a\u2066b\u2069\u200f\u061c", "\"a\\u2066b\\u2069\\u200f\\u061c\""},
      {"tag\U000E0041", "\"tag\\udb40\\udc41\""},
      {"\u00a0\u2027\u202f\u2065\ufefe\U000E0080", "\"\u00a0\u2027\u202f\u2065\ufefe\U000E0080\""},  // the neighbours of those
  };
  for (const Row& row : rows) {
    EXPECT_EQ(json_string(row.text), row.json);
    EXPECT_EQ('"' + shown(row.text) + '"', row.json);
  }
  EXPECT_EQ(harmless("{\"a\":\"\\\\\u009b\"}\n"), "{\"a\":\"\\\\\\u009b\"}\\n");
}

TEST(Json, LineOfFields) {
  EXPECT_EQ(JsonLine().text(), "{}");
  EXPECT_EQ(JsonLine().field("a", "x").field("n", std::int64_t{-3}).raw("b", "true").text(), R"({"a":"x","n":-3,"b":true})");
}

TEST(Checksum, EveryBitAndTheLengthCount) {
  alignas(8) std::byte block[96] = {};
  std::uint64_t whole = checksum(block);
  for (std::size_t bit = 0; bit < sizeof block * 8; ++bit) {
    block[bit / 8] ^= std::byte(1 << bit % 8);
    EXPECT_NE(checksum(block), whole) << bit;
    block[bit / 8] ^= std::byte(1 << bit % 8);
  }
  EXPECT_NE(checksum(Bytes(block, 88)), whole);
  EXPECT_EQ(checksum(Bytes(block, 0)), 0xEF46DB3751D8E999);  // XXH64 of nothing, from its specification
}

TEST(Clock, WallTimeReadsAsIso8601) {
  EXPECT_EQ(iso8601({1'795'316'000'007}), "2026-11-22T02:53:20.007Z");
  EXPECT_EQ(from_iso8601("2026-11-22T02:53:20.007Z"), WallTime{1'795'316'000'007});
  for (const char* wrong : {"", "2026-11-22", "2026-11-22T02:53:20Z", "2026-11-22T02:53:20.007Z ", "2026-11-22T02:53:20.007",
                            "2026-06-31T02:53:20.007Z", "2026-11-22T02:53:20.-07Z", " 026-11-22T02:53:20.007Z"})
    EXPECT_EQ(from_iso8601(wrong), std::nullopt) << wrong;
}

TEST(Id, IdsDiffer) {
  EXPECT_NE(new_id(), new_id());
  EXPECT_EQ(new_epoch().size(), 32u);
}

TEST(MustDeathTest, PrintsItsValues) { EXPECT_DEATH(must(1 > 2, 41, "x"), "bug at .* 41 x"); }

TEST(Json, EachTextOfALineIsThereAsItIsWritten) {
  const std::string line = JsonLine()
                               .field("kind", "note \"x\\")
                               .field("count", std::uint64_t{3})
                               .raw("clear", R"({"tenant":"acme","of":["a{","b"]})")
                               .field("tool", "email.send")
                               .text();
  std::vector<std::string> seen;
  auto take = [&](int depth, std::string_view key, std::string_view text) {
    seen.push_back(fmt::format("{} {}={}", depth, key, text));
  };
  each_text(line, take);
  EXPECT_EQ(seen, (std::vector<std::string>{R"(1 kind=note \"x\\)", "2 tenant=acme", "3 of=a{", "3 of=b", "1 tool=email.send"}));
  seen.clear();
  each_text(R"({"kind":"cut o)", take);
  EXPECT_TRUE(seen.empty());
}

}  // namespace
}  // namespace notaus
