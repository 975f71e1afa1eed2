#include "audit/ocsf.h"

#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "audit/filter.h"
#include "audit/timeline.h"
#include "base/json.h"

namespace notaus::audit {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kBaseEvent = 0, kApiActivity = 6003;
constexpr int kCreate = 1, kRead = 2, kUpdate = 3, kDelete = 4, kOther = 99;  // activities
constexpr int kInformational = 1, kMedium = 3, kHigh = 4;                     // severities
constexpr int kSuccess = 1, kFailure = 2;                                     // and kOther: statuses

struct Meaning {
  const char* kind;
  int class_uid, activity, severity, status;
};
// Of a call, activity and status depend on what became of it: see below.
constexpr Meaning kMeanings[] = {
    {"stop", kApiActivity, kCreate, kHigh, kSuccess},
    {"latch", kApiActivity, kCreate, kHigh, kSuccess},
    {"resume", kApiActivity, kDelete, kHigh, kSuccess},
    {"note", kApiActivity, kUpdate, kInformational, kSuccess},
    {"approve", kApiActivity, kUpdate, kMedium, kSuccess},
    {"tighten", kApiActivity, kUpdate, kInformational, kSuccess},
    {"ack", kApiActivity, kUpdate, kInformational, kSuccess},
    {"inflight", kApiActivity, kOther, kMedium, kOther},
    {"admitted_write", kApiActivity, kOther, kInformational, kOther},
    {"admitted_read", kApiActivity, kOther, kInformational, kOther},
    {"blocked", kApiActivity, kOther, kMedium, kFailure},
    {"blocked_agg", kApiActivity, kOther, kMedium, kFailure},
};

Meaning meaning_of(const std::string& kind) {
  for (const Meaning& one : kMeanings)
    if (kind == one.kind) return one;
  return {"", kBaseEvent, kOther, kind == "audit_degraded" ? kHigh : kMedium, kOther};
}

int status_of(const std::string& outcome, int otherwise) {
  if (outcome == "done") return kSuccess;
  return outcome == "not_sent" ? kFailure : otherwise;
}

const char* name_of(int activity) {
  constexpr const char* kNames[] = {"Unknown", "Create", "Read", "Update", "Delete"};
  return activity == kOther ? "Other" : kNames[activity];
}

Json actor_of(const nlohmann::json& record) {
  Json user = Json::object();
  const std::string by = text_in(record, "by"), agent = text_in(record, "agent");
  user["name"] = by.empty() ? agent : by;
  if (record.contains("uid")) user["uid"] = std::to_string(number_in(record, "uid"));
  return {{"user", user}};
}

}  // namespace

std::string to_ocsf(const std::string& line, const std::string& origin) {
  const nlohmann::json record = record_of(line);
  const std::string kind = text_in(record, "kind"), outcome = text_in(record, "outcome"), tool = text_in(record, "tool");
  Meaning meaning = meaning_of(kind);
  if (text_in(record, "effect") == "read") meaning.activity = kRead;
  if (record.contains("phase")) meaning.status = kOther;
  meaning.status = status_of(outcome, meaning.status);
  const std::uint64_t number = number_in(record, "n");
  Json out = {{"class_uid", meaning.class_uid},
              {"category_uid", meaning.class_uid / 1000},
              {"activity_id", meaning.activity},
              {"activity_name", name_of(meaning.activity)},
              {"type_uid", meaning.class_uid * 100 + meaning.activity},
              {"severity_id", meaning.severity},
              {"status_id", meaning.status},
              {"time", ms_of(text_in(record, "at"))},
              {"metadata",
               {{"version", "1.3.0"},
                {"uid", fmt::format("{}/{}", origin, number)},
                {"sequence", number},
                {"log_name", origin},
                {"event_code", kind},
                {"product", {{"name", "Notaus"}, {"vendor_name", "Notaus"}}}}}};
  if (meaning.class_uid == kApiActivity) {
    out["actor"] = actor_of(record);
    out["api"] = {{"operation", tool.empty() ? "notaus " + kind : tool}};
    if (auto call = text_in(record, "call"); !call.empty()) out["api"]["request"] = {{"uid", call}};
    out["src_endpoint"] = {{"hostname", text_in(record, "host")}};
    if (auto point = text_in(record, "point"); !point.empty()) out["src_endpoint"]["name"] = point;
  }
  if (auto reason = text_in(record, "reason"); !reason.empty()) out["status_detail"] = reason;
  if (record.contains("count")) out["count"] = number_in(record, "count");
  out["unmapped"] = Json(record);
  return harmless(out.dump(-1, ' ', false, Json::error_handler_t::replace));
}

}  // namespace notaus::audit
