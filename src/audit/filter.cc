#include "audit/filter.h"

#include <cstring>

#include <nlohmann/json.hpp>

#include "core/state.h"

namespace notaus::audit {
namespace {

using Json = nlohmann::json;

// What a record is about: a call's names, or what a stop selects.
std::string name_in(const Json& record, const char* key) {
  auto selector = record.find("selector");
  return text_in(selector != record.end() && selector->is_object() ? *selector : record, key);
}

}  // namespace

Json record_of(std::string_view line) {
  Json json = Json::parse(line, nullptr, false);
  return json.is_object() ? json : Json::object();
}

std::string text_in(const Json& object, const char* key) {
  auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

std::uint64_t number_in(const Json& object, const char* key) {
  auto found = object.find(key);
  return found != object.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

bool begins_reason(std::string_view whole, std::string_view reason) {
  return whole.starts_with(reason) && (whole.size() == reason.size() || whole[reason.size()] == ':');
}

// A record begins with its kind (core/record.h), and a quote within a text of it has a backslash.
bool may_match(std::string_view line, const Filter& filter) {
  constexpr std::string_view kBegin = R"({"kind":")";
  if (!filter.kind.empty() && line.starts_with(kBegin) && !line.substr(kBegin.size()).starts_with(filter.kind)) return false;
  constexpr std::string_view kUnheard = R"("admission_only":true)";  // memmem: the log asks that of each record it takes
  return !filter.admission_only || memmem(line.data(), line.size(), kUnheard.data(), kUnheard.size()) != nullptr;
}

bool matches(const Json& record, const Filter& filter) {
  const std::string at = text_in(record, "at");
  if (at.empty() && !(filter.since.empty() && filter.until.empty())) return false;
  if (!filter.since.empty() && at < filter.since) return false;
  if (!filter.until.empty() && at >= filter.until) return false;
  if (filter.admission_only && !record.contains("admission_only")) return false;
  if (!filter.tenant.empty() && name_in(record, "tenant") != filter.tenant) return false;
  if (!filter.agent.empty() && name_in(record, "agent") != filter.agent) return false;
  if (!filter.tool.empty() && !core::tool_matches(filter.tool, name_in(record, "tool"))) return false;
  if (!filter.kind.empty() && text_in(record, "kind") != filter.kind) return false;
  if (!filter.reason.empty() && !begins_reason(text_in(record, "reason"), filter.reason)) return false;
  return filter.stop.empty() || text_in(record, "id") == filter.stop || text_in(record, "stop") == filter.stop;
}

}  // namespace notaus::audit
