// net/answer.h: what passes between a connection and who answers its requests.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace notaus::net {

// Who stands at the other end.
struct Peer {
  bool local = false;  // on this machine
  std::vector<std::string> certified = {};  // the names that its certificate gives it (tls.h); none: it has shown none
};

// An answer of our own.
struct Answer {
  unsigned status = 200;
  std::string_view type = "application/json";
  std::string body = {};
  std::string fields = {};  // more lines of the head, each with its CRLF
};

}  // namespace notaus::net
