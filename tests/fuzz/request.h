// One request as the gate reads it from a connection, and as it would send it on.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "gate/onward.h"
#include "gate/route.h"
#include "net/message.h"

namespace notaus {

struct Reading {
  net::Head head;  // views into the bytes
  std::string body;  // what it carries
  std::size_t length = 0;  // of the whole request
  std::string whole, pieces;  // what goes on: with the body in one, or in the framing it came in
};

// Nothing: it is refused, or ends before it is complete. `step`: how many bytes come at once.
inline std::optional<Reading> read_request(std::string_view bytes, std::size_t step) {
  net::Parser parser(net::Side::request);
  std::size_t here = 0, at = 0;
  while (at == 0) {
    if (here == bytes.size()) return std::nullopt;
    here = std::min(here + step, bytes.size());
    const auto head = parser.take_head(bytes.substr(0, here));
    if (!head) return std::nullopt;
    at = *head;
  }
  const std::size_t head_ends = at;
  if (gate::unsound_request(parser.head()).status != 0 || !gate::unsound_target(parser.head().target).empty()) return std::nullopt;
  Reading reading;
  while (true) {
    const auto taken = parser.take_body(bytes.substr(at, here - at), &reading.body);
    if (!taken) return std::nullopt;
    at += *taken;
    if (parser.done()) break;
    if (here == bytes.size()) return std::nullopt;
    here = std::min(here + step, bytes.size());
  }
  reading.head = parser.head();
  reading.length = at;
  const gate::Upstream upstream = {
      .origin = {.host = "tool", .port = "80", .authority = "tool", .path = ""}, .headers = {{"X-Ours", "1"}}, .tls = {}};
  const auto target = reading.head.target;
  append_request(reading.whole, reading.head, upstream, {}, {.target = target, .whole = true, .length = reading.body.size()});
  reading.whole += reading.body;
  append_request(reading.pieces, reading.head, upstream, {}, {.target = target, .whole = false});
  reading.pieces += bytes.substr(head_ends, at - head_ends);
  return reading;
}

}  // namespace notaus
