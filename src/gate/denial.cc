#include "gate/denial.h"

namespace notaus::gate {
namespace {

// Outside -32768..-32000, all of which JSON-RPC and MCP keep for themselves.
constexpr std::int64_t kDenied = -31000, kNoAnswer = -31001;

constexpr std::string_view kStopped =
    "Not executed: an operator stopped this with the emergency stop.\n"
    "This is not an error to fix. Do not retry it and do not look for another way to do it. Tell the user that it was stopped.";
constexpr std::string_view kFenced =
    "Not executed: the emergency stop cannot confirm that this may run, so it is stopped.\n"
    "This is not an error to fix. Do not retry it and do not look for another way to do it. Tell the user that it was stopped.";

constexpr std::string_view kGivenUp =
    "outcome unknown: it was already sent and may have taken effect; do not repeat it.\n"
    "An operator stopped this with the emergency stop. This is not an error to fix. Do not look for another way to do it. Tell the "
    "user "
    "that it was stopped and that what it did has to be checked.";

bool fenced(const Denial& denial) { return denial.why >= Why::permit_expired; }

std::string details(const Denial& denial, Sent sent) {
  JsonLine out;
  return add_details(out, denial, sent).text();
}

std::string line(std::string_view id, std::string_view member, std::string_view json) {
  return JsonLine().field("jsonrpc", "2.0").raw("id", id).raw(member, json).text() + "\n";
}

// No structuredContent: clients skip a tool's outputSchema when isError is true, and only then.
std::string tool_result(const Denial& denial, Sent sent, Era era) {
  std::string content = JsonLine().field("type", "text").field("text", told(denial, sent)).text();
  JsonLine result;
  if (era == Era::modern) result.field("resultType", "complete");
  result.raw("content", "[" + content + "]").raw("isError", "true");
  return result.raw("_meta", JsonLine().raw("notaus/denied", details(denial, sent)).text()).text();
}

std::string error_line(std::string_view id, const Denial& denial, Sent sent) {
  JsonLine error;
  error.field("code", kDenied).field("message", told(denial, sent)).raw("data", details(denial, sent));
  return line(id, "error", error.text());
}

std::string answer(const Message& message, const Denial& denial, Sent sent) {
  if (message.id.empty()) return {};
  // Who asked for a task's handle takes no other result: the SDK 1.x shows its user a schema's complaint in place of the reason.
  if (message.asks == Asks::tool && !message.wants_task) return line(message.id, "result", tool_result(denial, sent, message.era));
  return error_line(message.id, denial, sent);
}

}  // namespace

// A model that reads a vague error tries again, or another tool; so this says what happened and what to do.
std::string told(const Denial& denial, Sent sent) {
  std::string text = denial.reason + "\n";
  text += sent == Sent::yes ? kGivenUp : fenced(denial) ? kFenced : kStopped;
  if (!denial.help.empty()) text += "\n" + denial.help;
  return text;
}

JsonLine& add_details(JsonLine& into, const Denial& denial, Sent sent) {
  into.field("reason", denial.reason)
      .raw("stop", denial.stop.empty() ? "null" : json_string(denial.stop))
      .field("revision", denial.revision)
      .raw("retryable", "false");
  if (sent == Sent::yes) into.field("outcome", "unknown");
  return into;
}

std::string denial_line(const Message& message, const Denial& denial) { return answer(message, denial, Sent::no); }

std::string given_up_line(const Message& message, const Denial& denial) { return answer(message, denial, Sent::yes); }

std::string denied_request_line(std::string_view id, const Denial& denial) { return error_line(id, denial, Sent::no); }

std::string cancel_line(std::string_view id, const Denial& denial) {
  const std::string params = JsonLine().raw("requestId", id).field("reason", denial.reason).text();
  return JsonLine().field("jsonrpc", "2.0").field("method", "notifications/cancelled").raw("params", params).text() + "\n";
}

std::string_view outcome(Sent sent) { return sent == Sent::yes ? "unknown" : "not_sent"; }

std::string no_answer(std::string_view why, Sent sent) {
  std::string text = "notaus: the tool's server: " + std::string(why) + "\n";
  text += sent == Sent::yes ? "outcome unknown: it was already sent and may have taken effect; do not repeat it."
                            : "Not executed: no byte of it was sent.";
  return text;
}

std::string no_answer_line(std::string_view id, std::string_view why, Sent sent) {
  JsonLine error;
  error.field("code", kNoAnswer)
      .field("message", no_answer(why, sent))
      .raw("data", JsonLine().field("outcome", outcome(sent)).text());
  return line(id, "error", error.text());
}

std::string rejection_line(const Rejection& rejection) {
  JsonLine error;
  error.field("code", static_cast<std::int64_t>(rejection.code)).field("message", "notaus: not forwarded: " + rejection.why);
  return line(rejection.id, "error", error.text());
}

}  // namespace notaus::gate
