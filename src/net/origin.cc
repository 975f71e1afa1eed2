#include "net/origin.h"

#include <tuple>

namespace notaus::net {
namespace {

bool is_port(std::string_view text) {
  return !text.empty() && text.size() <= 5 && text.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

std::pair<std::string, std::string> split_authority(std::string_view address) {
  auto colon = address.rfind(':');
  std::string_view host = address.substr(0, colon), port = colon == std::string_view::npos ? "" : address.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return {std::string(host), std::string(port)};
}

Result<Origin> parse_origin(std::string_view url) {
  auto refused = [](const char* why) { return trouble(Kind::broken, why); };  // without the URL: it may have a token in it
  Origin origin;
  if (url.find_first_of("@?# ") != std::string_view::npos) return refused("a user, a query or a fragment has no place here");
  std::string_view rest = url;
  if (rest.starts_with("https://"))
    origin.tls = true;
  else if (!rest.starts_with("http://"))
    return refused("begins neither with http:// nor with https://");
  rest.remove_prefix(origin.tls ? 8 : 7);
  if (rest.starts_with(kUnixPrefix)) {  // its path ends at a second colon, or with the URL
    auto end = rest.find(':', kUnixPrefix.size());
    origin.host = rest.substr(0, end);
    origin.authority = "localhost";
    origin.path = end == std::string_view::npos ? "" : rest.substr(end + 1);
  } else {
    auto slash = rest.find('/');
    origin.authority = rest.substr(0, slash);
    origin.path = slash == std::string_view::npos ? "" : rest.substr(slash);
    const bool has_port = origin.authority.rfind(':') != std::string::npos && !origin.authority.ends_with(']');
    std::tie(origin.host, origin.port) =
        split_authority(has_port ? origin.authority : origin.authority + (origin.tls ? ":443" : ":80"));
    if (!is_port(origin.port)) return refused("has no sound port");
  }
  while (origin.path.ends_with('/')) origin.path.pop_back();
  if (origin.host.empty()) return refused("names no host");
  return origin;
}

}  // namespace notaus::net
