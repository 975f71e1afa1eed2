// gate/route.h: which tool a plain HTTP request calls, and what it does there.
//
// Pure. A path that a server could take for another one than we do is refused, not normalised: percent-encoded letters, dots and slashes,
// empty and dot segments, backslashes, and a path that differs from a route only in case or in a last slash and so would pass as another.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <notaus/call.hpp>

namespace notaus::gate {

struct Route {
  std::string host = {};  // lower case, without a port; empty: any
  std::vector<std::string> methods = {};  // empty: any
  std::string path;  // "/v1/send", or "/v1/*" for all that begin so
  std::string tool = {};  // empty: `none`, a step of the run loop
  std::optional<Effect> effect = {};  // said otherwise; else GET and HEAD read, the others write
  std::size_t upstream = 0;  // which of the gate's
};

[[nodiscard]] Effect effect_of(const Route& route, std::string_view method);

// The authority of a Host header without its port, in lower case.
[[nodiscard]] std::string host_name(std::string_view authority);

// "%2E" undone; nothing: a % that begins no escape.
[[nodiscard]] std::optional<std::string> unescape_percent(std::string_view text);

// Why this target must not be matched at all; empty: it may.
[[nodiscard]] std::string_view unsound_target(std::string_view target);

class Routes {
 public:
  Routes() = default;
  explicit Routes(std::vector<Route> routes) : routes_(std::move(routes)) {}

  // nullptr: none leads there. Else the longest path that matches, of those the first. Unexpected: why two servers could differ on it.
  [[nodiscard]] std::expected<const Route*, std::string> match(std::string_view host, std::string_view method,
                                                               std::string_view target) const;

  [[nodiscard]] const std::vector<Route>& all() const { return routes_; }

 private:
  std::vector<Route> routes_;
};

}  // namespace notaus::gate
