// net/origin.h: what a URL says about where to connect.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace notaus::net {

// An origin server as a URL names it.
struct Origin {
  bool tls = false;
  std::string host, port;
  std::string authority;  // as a Host header says it
  std::string path;  // "" or "/mcp"

  bool operator==(const Origin&) const = default;
};

// "http://crm.internal:8080/mcp", "http://unix:/run/tool.sock:/path". refused: it is none, or it has a user, a query or a fragment.
Result<Origin> parse_origin(std::string_view url);

constexpr std::string_view kUnixPrefix = "unix:";

// "host:port" and "[v6]:port" apart, without the brackets.
[[nodiscard]] std::pair<std::string, std::string> split_authority(std::string_view authority);

}  // namespace notaus::net
