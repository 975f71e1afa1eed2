#include "audit/cursor.h"

#include <algorithm>
#include <charconv>

#include <nlohmann/json.hpp>

namespace notaus::audit {

using Json = nlohmann::json;

void Cursor::advance(const Source& source) {
  if (source.revision != 0) {
    revision = source.epoch == epoch ? std::max(revision, source.revision) : source.revision;
    epoch = source.epoch;
  }
  if (!source.segment.empty()) {
    auto& offset = spools[source.segment];
    offset = std::max(offset, source.offset);
  }
  if (!source.dead.empty()) dead.insert(source.dead);
}

namespace {

constexpr std::string_view kKind = R"({"kind":")";

// A record begins with its kind.
std::string_view kind_of(std::string_view record) {
  if (!record.starts_with(kKind)) return {};
  record.remove_prefix(kKind.size());
  return record.substr(0, record.find('"'));
}

std::uint64_t count_in(std::string_view record) {
  constexpr std::string_view kField = R"(,"count":)";
  std::uint64_t value = 0;
  if (auto at = record.find(kField); at != std::string_view::npos)
    std::from_chars(record.data() + at + kField.size(), record.data() + record.size(), value);
  return value;
}

}  // namespace

// A quote inside of a text is escaped, so what looks like a field here is one.
void Cursor::count(std::string_view record) {
  const std::string_view kind = kind_of(record);
  if (kind == "blocked") ++denied;
  if (kind == "blocked_agg") denied += count_in(record);
  if (kind == "unclean_start" && record.contains(R"(,"what":")")) ++in_doubt;
  if (kind == "gap" && record.contains(R"(,"what":"denials")")) lost += count_in(record);
}

std::string Cursor::text() const {
  const Json out = {{"epoch", epoch},   {"revision", revision}, {"spools", spools},    {"dead", dead},
                    {"denied", denied}, {"lost", lost},         {"in_doubt", in_doubt}};
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Cursor Cursor::of(const std::string& text) {
  try {
    const Json json = Json::parse(text);
    Cursor out;
    json.at("epoch").get_to(out.epoch);
    json.at("revision").get_to(out.revision);
    json.at("spools").get_to(out.spools);
    json.at("dead").get_to(out.dead);
    out.denied = json.value("denied", std::uint64_t{0});
    out.lost = json.value("lost", std::uint64_t{0});
    out.in_doubt = json.value("in_doubt", std::uint64_t{0});
    return out;
  } catch (const Json::exception&) {
    return {};
  }
}

}  // namespace notaus::audit
