#include "gate/problem.h"

#include <string>

#include "base/json.h"

namespace notaus::gate {
namespace {

constexpr std::string_view kType = "application/problem+json";

std::string title_of(unsigned status) {
  switch (status) {
    case 401: return "Who calls is not known";
    case 403: return "Not allowed here";
    case 404: return "No route leads there";
    case 408: return "Too slow";
    case 413: return "Too long";
    case 503: return "Not able to take this now";
    default: return "Not understood, and so not forwarded";
  }
}

JsonLine begin(unsigned status, std::string_view title, std::string_view detail) {
  JsonLine out;
  out.field("type", "about:blank")
      .field("title", title)
      .field("status", static_cast<std::uint64_t>(status))
      .field("detail", detail)
      .raw("error", JsonLine().field("type", "notaus").field("code", "notaus").field("message", detail).text());
  return out;
}

net::Answer problem(unsigned status, const JsonLine& body, std::string fields = {}) {
  return {.status = status, .type = kType, .body = body.text(), .fields = "Cache-Control: no-store\r\n" + std::move(fields)};
}

}  // namespace

net::Answer denied(const Denial& denial, Sent sent) {
  JsonLine body = begin(403, "Stopped by the emergency stop", told(denial, sent));
  return problem(403, add_details(body, denial, sent), "Notaus-Reason: " + shown(denial.reason) + "\r\n");
}

net::Answer refused(unsigned status, std::string_view why) {
  return problem(status, begin(status, title_of(status), std::string("notaus: not forwarded: ").append(why)),
                 status == 401 ? "WWW-Authenticate: Bearer\r\n" : "");
}

net::Answer bad_gateway(std::string_view why, Sent sent) {
  JsonLine body = begin(502, "The tool's server did not answer", no_answer(why, sent));
  return problem(502, body.field("outcome", outcome(sent)));
}

}  // namespace notaus::gate
