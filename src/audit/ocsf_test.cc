// Records in OCSF: what somebody who collects events of many products filters by.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "audit/ocsf.h"

namespace notaus::audit {
namespace {

using Json = nlohmann::json;

TEST(Ocsf, Table) {
  struct Row {
    const char* record;
    int class_uid, activity, severity, status;
    const char *operation, *user;
  } rows[] = {
      {R"({"kind":"admitted_write","tool":"email.send","agent":"mailer","effect":"write","outcome":"done"})", 6003, 99, 1, 1,
       "email.send", "mailer"},
      {R"({"kind":"admitted_write","tool":"email.send","effect":"write","outcome":"unknown"})", 6003, 99, 1, 99, "email.send", ""},
      {R"({"kind":"admitted_write","tool":"email.send","effect":"write","outcome":"not_sent"})", 6003, 99, 1, 2, "email.send", ""},
      {R"({"kind":"admitted_read","tool":"crm.find","effect":"read","outcome":"done"})", 6003, 2, 1, 1, "crm.find", ""},
      {R"({"kind":"blocked","tool":"email.send","effect":"write","reason":"killed: stop_all"})", 6003, 99, 3, 2, "email.send", ""},
      {R"({"kind":"blocked_agg","tool":"email.send","count":40})", 6003, 99, 3, 2, "email.send", ""},
      {R"({"kind":"stop","by":"ana","uid":1000})", 6003, 1, 4, 1, "notaus stop", "ana"},
      {R"({"kind":"resume","phase":"intent","by":"ana"})", 6003, 4, 4, 99, "notaus resume", "ana"},
      {R"({"kind":"resume","by":"ana"})", 6003, 4, 4, 1, "notaus resume", "ana"},
      {R"({"kind":"gap","count":3})", 0, 99, 3, 99, nullptr, nullptr},
      {R"({"kind":"audit_degraded","why":"x"})", 0, 99, 4, 99, nullptr, nullptr},
      {R"({"kind":"what is this"})", 0, 99, 3, 99, nullptr, nullptr},
      {"no JSON", 0, 99, 3, 99, nullptr, nullptr},
  };
  for (const Row& row : rows) {
    const Json out = Json::parse(to_ocsf(row.record, "notaus/web-1/a1b2"));
    EXPECT_EQ(out["class_uid"], row.class_uid) << row.record;
    EXPECT_EQ(out["category_uid"], row.class_uid / 1000) << row.record;
    EXPECT_EQ(out["activity_id"], row.activity) << row.record;
    EXPECT_EQ(out["type_uid"], row.class_uid * 100 + row.activity) << row.record;
    EXPECT_EQ(out["severity_id"], row.severity) << row.record;
    EXPECT_EQ(out["status_id"], row.status) << row.record;
    EXPECT_EQ(out.contains("api"), row.operation != nullptr) << row.record;
    if (row.operation == nullptr) continue;
    EXPECT_EQ(out["api"]["operation"], row.operation);
    EXPECT_EQ(out["actor"]["user"]["name"], row.user);
    EXPECT_TRUE(out.contains("src_endpoint"));
  }
}

TEST(Ocsf, LeavesNothingOut) {
  const char* record =
      R"({"n":41,"host":"web-1","kind":"blocked","at":"2026-11-22T03:12:07.123Z","point":"mcp-1-x","call":"mcp-1-x/1.2","reason":"killed: stop_all","x":"\u202e\n"})";
  const std::string text = to_ocsf(record, "notaus/web-1/a1b2");
  EXPECT_FALSE(text.contains("\u202e"));
  const Json out = Json::parse(text);
  EXPECT_EQ(out["unmapped"], Json::parse(record));
  EXPECT_EQ(out["time"], 1'795'317'127'123);
  EXPECT_EQ(out["metadata"]["uid"], "notaus/web-1/a1b2/41");
  EXPECT_EQ(out["src_endpoint"], (Json{{"hostname", "web-1"}, {"name", "mcp-1-x"}}));
  EXPECT_EQ(out["api"]["request"]["uid"], "mcp-1-x/1.2");
  EXPECT_EQ(out["status_detail"], "killed: stop_all");
}

}  // namespace
}  // namespace notaus::audit
