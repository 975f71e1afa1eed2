#include "audit/entry.h"

#include <nlohmann/json.hpp>

#include "audit/tiles.h"
#include "base/json.h"

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

std::string fitting(const std::string& json) {
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

std::string make_entry(std::uint64_t number, const std::string& host, const std::string& json) {
  std::string out = JsonLine().field("n", number).field("host", host).text();
  out.back() = ',';
  if (json == "{}") return out.substr(0, out.size() - 1) + "}";
  return out.size() + json.size() <= kEntryMax ? out + json.substr(1) : out + fitting(json);
}

}  // namespace notaus::audit
