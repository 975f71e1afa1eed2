// Questions to the log: what a filter selects, what a line looks like, what the clean-up list says.
#include <gtest/gtest.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "audit/clean_up.h"
#include "audit/report.h"

namespace notaus::audit {
namespace {

// A log of one incident. Numbers are the lines' own.
const std::vector<std::string> kLog = {
    R"({"n":1,"kind":"admitted_write","at":"2026-11-22T01:00:00.000Z","call":"p/1","tenant":"acme","tool":"email.send","args":"aa","outcome":"done"})",
    R"({"n":2,"kind":"admitted_write","at":"2026-11-22T03:00:00.000Z","call":"p/2","tenant":"acme","tool":"email.send","args":"aa","outcome":"done"})",
    R"({"n":3,"kind":"admitted_write","at":"2026-11-22T03:01:00.000Z","call":"p/3","tenant":"acme","tool":"email.send","args":"aa","outcome":"done"})",
    R"({"n":4,"kind":"admitted_write","at":"2026-11-22T03:02:00.000Z","call":"p/4","tenant":"acme","tool":"email.send","args":"bb","outcome":"unknown"})",
    R"({"n":5,"kind":"admitted_write","at":"2026-11-22T03:02:30.000Z","call":"p/5","tenant":"acme","tool":"email.send","args":"cc","outcome":"not_sent"})",
    R"({"n":6,"kind":"admitted_read","at":"2026-11-22T03:02:40.000Z","call":"p/6","tenant":"acme","tool":"crm.find","outcome":"done"})",
    R"({"n":7,"kind":"stop","at":"2026-11-22T03:05:00.000Z","id":"s1","by":"ana","selector":{"tenant":"acme"},"mode":"stop_all","reason":"duplicate mails"})",
    R"({"n":8,"kind":"blocked","at":"2026-11-22T03:05:01.000Z","call":"p/8","tenant":"acme","tool":"email.send","reason":"killed: stop_all","stop":"s1"})",
    R"({"n":9,"kind":"blocked_agg","at":"2026-11-22T03:05:02.000Z","tenant":"acme","tool":"email.send","reason":"killed: stop_all","stop":"s1","count":40})",
    R"({"n":10,"kind":"blocked","at":"2026-11-22T03:05:03.000Z","tenant":"globex","tool":"email.send","reason":"killed: stop_all","stop":"s2"})",
    R"({"n":11,"kind":"admitted_write","at":"2026-11-22T03:05:04.000Z","call":"p/11","tenant":"globex","tool":"email.send","args":"dd","outcome":"done"})",
    R"({"n":12,"kind":"gap","at":"2026-11-22T03:05:05.000Z","what":"calls","count":7})",
    R"({"n":13,"kind":"resume","at":"2026-11-22T04:00:00.000Z","id":"s1","by":"ana","reason":"fixed"})",
    "not JSON at all",
    R"(["n", 14])",
};

// As a log answers that has these lines.
Lines of(const std::vector<std::string>& lines) {
  return [lines](const Filter& filter, const Take& take) -> Result<> {
    for (const std::string& line : lines) {
      const auto record = nlohmann::json::parse(line, nullptr, false);
      if (matches(record.is_object() ? record : nlohmann::json::object(), filter) && !take(line)) break;
    }
    return {};
  };
}

const char* const kEnd = "2026-11-22T04:00:00.000Z";

std::vector<std::string> select(const std::vector<std::string>& lines, const Filter& filter) {
  std::vector<std::string> out;
  EXPECT_TRUE(of(lines)(filter, [&](const std::string& line) { return out.push_back(line), true; }));
  return out;
}

std::string numbers(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += (out.empty() ? "" : " ") + nlohmann::json::parse(line)["n"].dump();
  return out;
}

TEST(Select, Table) {
  struct Row {
    Filter filter;
    const char* lines;
  } rows[] = {
      {{.since = "2026-11-22T03:05:04.000Z"}, "11 12 13"},
      {{.since = "2026-11-22T03:05:04"}, "11 12 13"},
      {{.since = "2027"}, ""},
      {{.tenant = "globex"}, "10 11"},
      {{.tenant = "acme"}, "1 2 3 4 5 6 7 8 9"},  // a stop by its selector
      {{.tenant = "acm"}, ""},
      {{.stop = "s1"}, "7 8 9 13"},
      {{.stop = "s3"}, ""},
      {{.since = "2026-11-22T03:05:02", .tenant = "acme", .stop = "s1"}, "9"},
      {{.until = "2026-11-22T03:00:00.000Z"}, "1"},
      {{.since = "2026-11-22T03:02:30", .until = "2026-11-22T03:05:01"}, "5 6 7"},
      {{.tool = "crm.find"}, "6"},
      {{.tool = "crm.*"}, "6"},
      {{.tool = "crm"}, ""},
      {{.kind = "blocked"}, "8 10"},
      {{.reason = "killed"}, "8 9 10"},
      {{.reason = "killed: stop_all"}, "8 9 10"},
      {{.reason = "killed: stop"}, ""},
      {{.reason = "duplicate mails"}, "7"},
      {{.agent = "mailer"}, ""},
  };
  for (const Row& row : rows) EXPECT_EQ(numbers(select(kLog, row.filter)), row.lines);
  EXPECT_EQ(select(kLog, {}).size(), kLog.size());  // no filter hides nothing
}

TEST(Describe, Table) {
  struct Row {
    std::size_t line;
    const char* text;
  } rows[] = {
      {1, "     2  2026-11-22T03:00:00.000Z  admitted_write  acme  email.send  done"},
      {6, "     7  2026-11-22T03:05:00.000Z  stop            {\"tenant\":\"acme\"}  stop_all  s1  by ana  duplicate mails"},
      {7, "     8  2026-11-22T03:05:01.000Z  blocked         acme  email.send  killed: stop_all"},
      {8, "     9  2026-11-22T03:05:02.000Z  blocked_agg     acme  email.send  x40  killed: stop_all"},
      {11, "    12  2026-11-22T03:05:05.000Z  gap             x7"},
  };
  for (const Row& row : rows) EXPECT_EQ(describe(kLog[row.line]), row.text);
}

// Names are chosen by agents, and the operator's terminal obeys escapes.
TEST(Describe, HostileNamesStayOnOneLineAndAreNoEscapes) {
  const std::string hostile[] = {"a\nb",
                                 "\x1b[2J\x1b[31m",
                                 "\r killed",
                                 "\x07\x08",
                                 "\x7f",
                                 "\xc2\x9b"
                                 "31m",
                                 "\xe2\x80\xae"
                                 "live",
                                 "\xff\xfe",
                                 std::string("a\0b", 3)};
  for (const std::string& name : hostile)
    for (const char* key : {"tenant", "agent", "tool", "reason", "by", "kind", "at", "mode", "outcome", "id"}) {
      nlohmann::json record = {{"n", 1}, {"kind", "blocked"}, {"at", "2026"}, {"selector", {{"tenant", name}}}};
      record[key] = name;
      std::string shown = describe(record.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
      for (unsigned char c : shown) EXPECT_TRUE(c >= 0x20 && c < 0x7f) << key << " " << int{c};
    }
  EXPECT_TRUE(describe(R"({"kind":"stop","by":"Jürgen \"J\""})").contains("J\\u00fcrgen"));  // control: it is shown, escaped
}

TEST(Describe, AnyLineIsShown) {
  for (const char* line : {"", "x", "[]", "{}", R"({"n":-1,"at":7,"kind":null,"selector":9,"count":"x"})"})
    EXPECT_FALSE(describe(line).contains('\n')) << line;
}

TEST(CleanUp, Table) {
  struct Row {
    const char* what;
    Filter filter;
    const char* since;
    const char* rows;  // tenant tool done/unknown/not_sent repeated denied
    std::uint64_t gaps;
  } rows[] = {
      {"all", {}, "", "acme email.send 3/1/1 2 41; globex email.send 1/0/0 0 1", 7},
      {"what a stop covers, and the hour before", {.stop = "s1"}, "2026-11-22T02:05:00.000Z", "acme email.send 2/1/1 1 41", 7},
      {"one tenant", {.tenant = "globex"}, "", "globex email.send 1/0/0 0 1", 0},
      {"since",
       {.since = "2026-11-22T03:05:02"},
       "2026-11-22T03:05:02",
       "acme email.send 0/0/0 0 40; globex email.send 1/0/0 0 1",
       7},
      {"since wins over the stop",
       {.since = "2026-11-22T03:05:02", .stop = "s1"},
       "2026-11-22T03:05:02",
       "acme email.send 0/0/0 0 40",
       7},
      {"nothing", {.since = "2027"}, "2027", "", 0},
  };
  for (const Row& row : rows) {
    CleanUp report = clean_up(of(kLog), row.filter, kEnd).value();
    std::string text;
    for (const auto& r : report.rows)
      text += (text.empty() ? "" : "; ") + r.tenant + " " + r.tool + " " + std::to_string(r.done) + "/" +
              std::to_string(r.unknown) + "/" + std::to_string(r.not_sent) + " " + std::to_string(r.repeated) + " " +
              std::to_string(r.denied);
    EXPECT_EQ(text, row.rows) << row.what;
    EXPECT_EQ(report.since, row.since) << row.what;
    EXPECT_EQ(report.gaps, row.gaps) << row.what;
    EXPECT_EQ(report.until, "2026-11-22T04:00:00.000Z") << row.what;
  }
}

TEST(CleanUp, NamesTheUnknownCallsAndWhenWritesTookEffect) {
  CleanUp report = clean_up(of(kLog), {.stop = "s1"}, kEnd).value();
  ASSERT_EQ(report.unknown.size(), 1u);
  EXPECT_EQ(report.unknown[0].call, "p/4");
  ASSERT_EQ(report.repeats.size(), 1u);  // the one before the hour does not count
  EXPECT_EQ(report.repeats[0].times, 2u);
  EXPECT_EQ(report.harm, "2026-11-22T03:00:00.000Z");
  EXPECT_EQ(report.stopped, "2026-11-22T03:05:00.000Z");
  ASSERT_EQ(report.events.size(), 2u);
  EXPECT_EQ(report.events[1].kind, "resume");
  EXPECT_EQ(report.rows.at(0).first, "2026-11-22T03:00:00.000Z");
  EXPECT_EQ(report.rows.at(0).last, "2026-11-22T03:02:00.000Z");  // not the one that was not sent
}

TEST(CleanUp, ByAgent) {
  std::vector<std::string> lines;
  for (const char* agent : {"a", "b", "a"})
    lines.push_back(fmt::format(
        R"({{"kind":"admitted_write","at":"2026-11-22T03:00:00.000Z","tenant":"acme","agent":"{}","tool":"x","args":"aa","outcome":"done"}})",
        agent));
  const CleanUp report = clean_up(of(lines), {}, kEnd).value();
  ASSERT_EQ(report.rows.size(), 1u);
  EXPECT_EQ(report.rows[0].done, 3u);
  EXPECT_EQ(report.rows[0].repeated, 2u);
  ASSERT_EQ(report.by_agent.size(), 2u);
  EXPECT_EQ(report.by_agent[0].done, 2u);
  EXPECT_EQ(report.by_agent[1].repeated, 1u);
}

TEST(CleanUp, TheHourBeforeReachesOverMidnightAndNewYear) {
  struct Row {
    const char *at, *since;
  } rows[] = {
      {"2026-11-22T03:05:00.000Z", "2026-11-22T02:05:00.000Z"},
      {"2026-11-22T00:05:00.000Z", "2026-11-21T23:05:00.000Z"},
      {"2028-03-01T00:00:00.000Z", "2028-02-29T23:00:00.000Z"},
      {"2027-01-01T00:30:00.000Z", "2026-12-31T23:30:00.000Z"},
  };
  for (const Row& row : rows)
    EXPECT_EQ(clean_up(of({R"({"kind":"stop","id":"s","at":")" + std::string(row.at) + "\"}"}), {.stop = "s"}, kEnd)->since,
              row.since);
}

TEST(CleanUp, AStopWithATimeThatIsNoneIsReportedAboutAllOfTheLog) {
  EXPECT_EQ(clean_up(of({R"({"kind":"stop","id":"s","at":"yesterday, three o'clock"})"}), {.stop = "s"}, kEnd)->since, "");
}

}  // namespace
}  // namespace notaus::audit
