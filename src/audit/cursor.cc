#include "audit/cursor.h"

#include <algorithm>

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

std::string Cursor::text() const {
  return Json{{"epoch", epoch}, {"revision", revision}, {"spools", spools}, {"dead", dead}}.dump(-1, ' ', false,
                                                                                                 Json::error_handler_t::replace);
}

Cursor Cursor::of(const std::string& text) {
  try {
    const Json json = Json::parse(text);
    Cursor out;
    json.at("epoch").get_to(out.epoch);
    json.at("revision").get_to(out.revision);
    json.at("spools").get_to(out.spools);
    json.at("dead").get_to(out.dead);
    return out;
  } catch (const Json::exception&) {
    return {};
  }
}

}  // namespace notaus::audit
