// A message that the gate accepts says to other parsers of JSON what it says to the gate: to one that takes the first of two equal keys, one that
// takes the last, and to one that does not mind the case of keys.
#include <optional>

#include <simdjson.h>
#include <boost/json.hpp>

#include "fuzz.h"
#include "gate/denial.h"
#include "gate/mcp.h"
#include "gate/strict_json.h"

namespace notaus {
namespace {

namespace json = boost::json;
using gate::Message;

std::optional<json::object> read_last(std::string_view text) {
  json::parse_options options;
  options.max_depth = gate::kMaxDepth;
  json::error_code fault;
  json::value value = json::parse(json::string_view(text.data(), text.size()), fault, {}, options);
  if (fault || !value.is_object()) return std::nullopt;
  return value.as_object();
}

std::string string_of(const json::object& object, const char* key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : "";
}

std::string string_of(const simdjson::dom::object& object, const char* key) {
  std::string_view text;
  return object[key].get(text) == simdjson::SUCCESS ? std::string(text) : "";
}

// What a server would go by that binds keys without regard to case, whichever of two it takes.
void spelled_once(const json::object& object, std::string_view key) {
  int times = 0;
  for (const auto& member : object) times += gate::fold({member.key().data(), member.key().size()}) == gate::fold(key);
  hold(times <= 1, "a key in two spellings", std::string(key));
  hold(times == 0 || object.contains(json::string_view(key.data(), key.size())), "a key in another spelling", std::string(key));
}

void compare(const Message& message, std::string_view text) {
  const auto last = read_last(text);
  simdjson::dom::parser parser;
  simdjson::dom::object first;
  const bool both = parser.parse(simdjson::padded_string(text)).get(first) == simdjson::SUCCESS && last;
  // Numbers beyond theirs and halves of surrogates are JSON, and they refuse them.
  hold(both || text.find("\\u") != std::string_view::npos || text.find_first_of("0123456789") != std::string_view::npos,
       "no JSON to others");
  if (!both) return;
  for (std::string_view key : {"jsonrpc", "id", "method", "params", "result", "error"}) spelled_once(*last, key);
  hold(string_of(*last, "method") == message.method, "the method, read last", string_of(*last, "method"));
  hold(string_of(first, "method") == message.method, "the method, read first", string_of(first, "method"));
  hold(message.id.empty() != last->contains("id"), "the id", message.id);
  if (message.tool.empty()) return;
  const json::object& params = last->at("params").as_object();
  for (std::string_view key : {"name", "arguments", "task", "_meta"}) spelled_once(params, key);
  hold(string_of(params, "name") == message.tool, "the tool, read last", string_of(params, "name"));
  hold(string_of(simdjson::dom::object(first["params"]), "name") == message.tool, "the tool, read first");
}

void answers(const std::string& line) { hold(line.empty() || read_last(line), "an answer of ours that is no JSON", line); }

}  // namespace
}  // namespace notaus

using namespace notaus;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = text_of(data, size);
  const auto message = gate::classify(text);
  if (!message) {
    hold(!message.error().why.empty(), "a rejection says why");
    answers(gate::rejection_line(message.error()));
    return 0;
  }
  compare(*message, text);
  hold(message->asks != gate::Asks::tool || (!message->tool.empty() && !message->id.empty()), "a call has a tool and an id");
  const Denial denial = {.why = Why::stop_all, .reason = "killed: stop_all", .stop = "s", .revision = 1, .help = ""};
  answers(gate::denial_line(*message, denial));
  answers(gate::given_up_line(*message, denial));
  return 0;
}
