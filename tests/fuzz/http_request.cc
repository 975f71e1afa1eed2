// A request that the gate accepts is read by Beast's full parser as the gate reads it, in whatever pieces it came, and so is what goes on.
#include <algorithm>
#include <utility>
#include <vector>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "fuzz.h"
#include "request.h"

namespace notaus {
namespace {

namespace http = boost::beast::http;
using Fields = std::vector<std::pair<std::string, std::string>>;

struct Other {
  std::string method, target, body;
  int minor = 0;
  Fields fields;
  std::size_t length = 0;
};

std::string lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  return text;
}

std::optional<Other> read_by_beast(std::string_view bytes) {
  http::request_parser<http::string_body> parser;
  parser.eager(true);
  parser.header_limit(1 << 20);
  parser.body_limit(boost::none);
  Other other;
  while (!parser.is_done()) {
    boost::beast::error_code error;
    const std::size_t taken = parser.put(boost::asio::buffer(bytes.data() + other.length, bytes.size() - other.length), error);
    other.length += taken;
    if (error || (taken == 0 && !parser.is_done())) return std::nullopt;
  }
  const auto& request = parser.get();
  other.method = std::string(request.method_string());
  other.target = std::string(request.target());
  other.minor = static_cast<int>(request.version() % 10);
  other.body = request.body();
  for (const auto& field : request) other.fields.emplace_back(lower(std::string(field.name_string())), std::string(field.value()));
  std::ranges::sort(other.fields);
  return other;
}

Fields fields_of(const net::Head& head) {
  Fields fields;
  for (const net::Field& field : head.fields) fields.emplace_back(lower(std::string(field.name)), std::string(field.value));
  std::ranges::sort(fields);
  return fields;
}

void same(const Reading& ours, std::string_view sent, const char* what) {
  const auto other = read_by_beast(sent);
  hold(other.has_value(), what, "not read at all");
  hold(other->length == sent.size(), what, "something is left over, which would be a second request");
  hold(other->method == ours.head.method, what, other->method);
  hold(other->target == ours.head.target, what, other->target);
  hold(other->body == ours.body, what, other->body);
}

void goes_on(const Reading& ours, const std::string& sent, const char* what) {
  same(ours, sent, what);
  const auto other = read_by_beast(sent);
  auto times = [&](std::string_view name) {
    return std::ranges::count_if(other->fields, [&](const auto& field) { return field.first == name; });
  };
  hold(times("host") == 1, what, "Host");
  hold(times("x-ours") == 1, what, "ours");
  hold(times("content-length") + times("transfer-encoding") <= 1, what, "two framings");
}

}  // namespace
}  // namespace notaus

using namespace notaus;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = text_of(data, size);
  const auto reading = read_request(bytes, bytes.size());
  const auto in_pieces = read_request(bytes, step_of(bytes));
  hold(reading.has_value() == in_pieces.has_value(), "what is accepted does not depend on the pieces it came in");
  if (!reading) return 0;
  hold(in_pieces->length == reading->length && in_pieces->whole == reading->whole, "nor does what it says", in_pieces->whole);
  same(*reading, bytes.substr(0, reading->length), "as it came");
  const auto other = read_by_beast(bytes.substr(0, reading->length));
  hold(other->minor == reading->head.minor && other->fields == fields_of(reading->head), "its fields");
  goes_on(*reading, reading->whole, "as it goes on, whole");
  goes_on(*reading, reading->pieces, "as it goes on, in its framing");
  return 0;
}
