#include "gate/denial.h"

#include "base/json.h"

namespace notaus::gate {
namespace {

// Outside -32768..-32000, all of which JSON-RPC and MCP keep for themselves.
constexpr std::int64_t kDenied = -31000;

constexpr std::string_view kStopped =
    "Not executed: an operator stopped this with the emergency stop.\n"
    "This is not an error to fix. Do not retry it and do not look for another way to do it. Tell the user that it was stopped.";
constexpr std::string_view kFenced =
    "Not executed: the emergency stop cannot confirm that this may run, so it is stopped.\n"
    "This is not an error to fix. Do not retry it and do not look for another way to do it. Tell the user that it was stopped.";

bool fenced(const Denial& denial) { return denial.why >= Why::permit_expired; }

// A model that reads a vague error tries again, or another tool; so this says what happened and what to do.
std::string told(const Denial& denial) {
  std::string text = denial.reason + "\n";
  text += fenced(denial) ? kFenced : kStopped;
  if (!denial.help.empty()) text += "\n" + denial.help;
  return text;
}

std::string details(const Denial& denial) {
  return JsonLine()
      .field("reason", denial.reason)
      .raw("stop", denial.stop.empty() ? "null" : json_string(denial.stop))
      .field("revision", denial.revision)
      .raw("retryable", "false")
      .text();
}

std::string line(std::string_view id, std::string_view member, std::string_view json) {
  return JsonLine().field("jsonrpc", "2.0").raw("id", id).raw(member, json).text() + "\n";
}

// No structuredContent: clients skip a tool's outputSchema when isError is true, and only then.
std::string tool_result(const Denial& denial, Era era) {
  std::string content = JsonLine().field("type", "text").field("text", told(denial)).text();
  JsonLine result;
  if (era == Era::modern) result.field("resultType", "complete");
  result.raw("content", "[" + content + "]").raw("isError", "true");
  return result.raw("_meta", JsonLine().raw("notaus/denied", details(denial)).text()).text();
}

}  // namespace

std::string denial_line(const Message& message, const Denial& denial) {
  if (message.id.empty()) return {};
  if (message.asks == Asks::tool) return line(message.id, "result", tool_result(denial, message.era));
  return denied_request_line(message.id, denial);
}

std::string denied_request_line(std::string_view id, const Denial& denial) {
  JsonLine error;
  error.field("code", kDenied).field("message", told(denial)).raw("data", details(denial));
  return line(id, "error", error.text());
}

std::string rejection_line(const Rejection& rejection) {
  JsonLine error;
  error.field("code", static_cast<std::int64_t>(rejection.code)).field("message", "notaus: not forwarded: " + rejection.why);
  return line(rejection.id, "error", error.text());
}

}  // namespace notaus::gate
