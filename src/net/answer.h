// net/answer.h: what passes between a connection and who answers its requests.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace notaus::net {

// Who stands at the other end.
enum class Peer : std::uint8_t { local, remote };  // local: on this machine

// An answer of our own.
struct Answer {
  unsigned status = 200;
  std::string_view type = "application/json";
  std::string body = {};
  std::string fields = {};  // more lines of the head, each with its CRLF
};

}  // namespace notaus::net
