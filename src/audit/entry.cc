#include "audit/entry.h"

#include <nlohmann/json.hpp>

#include "audit/tiles.h"

namespace notaus::audit {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kLongText = 4096;

void cut_texts(Json& json, std::size_t at_most) {
  for (Json& field : json)
    if (field.is_structured())
      cut_texts(field, at_most);
    else if (field.is_string() && field.get_ref<std::string&>().size() > at_most)
      field.get_ref<std::string&>().resize(at_most);  // a character cut in two is replaced when it is written
}

std::string fitting(std::string_view json) {
  Json record = Json::parse(json, nullptr, false);
  if (!record.is_object()) return R"("cut":true})";
  Json kept = record;
  for (std::size_t at_most = kLongText; at_most > 0; at_most /= 2) {
    kept = record;
    cut_texts(kept, at_most);
    kept["cut"] = true;
    if (std::string text = kept.dump(-1, ' ', false, Json::error_handler_t::replace); text.size() < kEntryMax / 2)
      return text.substr(1);
  }
  return Json{{"kind", record.value("kind", "")}, {"at", record.value("at", "")}, {"cut", true}}.dump().substr(1);
}

}  // namespace

void make_entry(std::string& into, std::uint64_t number, std::string_view host, std::string_view json) {
  into.assign(R"({"n":)").append(std::to_string(number)).append(R"(,"host":)").append(host);
  if (json == "{}") {
    into += '}';
    return;
  }
  into += ',';
  if (into.size() + json.size() <= kEntryMax)
    into += json.substr(1);
  else
    into += fitting(json);
}

}  // namespace notaus::audit
