#include "gate/route.h"

#include <algorithm>

#include "base/ascii.h"

namespace notaus::gate {
namespace {

bool equal(std::string_view a, std::string_view b) { return a == b; }
bool equal_folded(std::string_view a, std::string_view b) { return std::ranges::equal(a, b, {}, lower, lower); }

std::string_view path_of(std::string_view target) { return target.substr(0, target.find('?')); }

std::string_view without_last_slash(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  return path;
}

// How much of the path it names; nothing: it does not match.
template <class Equal>
std::optional<std::size_t> matched(std::string_view pattern, std::string_view path, Equal same) {
  const bool prefix = pattern.ends_with('*');
  if (prefix) pattern.remove_suffix(1);
  if (prefix ? path.size() < pattern.size() : path.size() != pattern.size()) return std::nullopt;
  if (!same(path.substr(0, pattern.size()), pattern)) return std::nullopt;
  return pattern.size() * 2 + (prefix ? 0 : 1);  // a whole path names more than a prefix of its length
}

template <class Equal>
const Route* best(const std::vector<Route>& routes, std::string_view host, std::string_view method, std::string_view path,
                  Equal same) {
  const Route* found = nullptr;
  std::size_t most = 0;
  for (const Route& route : routes) {
    if (!route.host.empty() && route.host != host) continue;
    if (!route.methods.empty() && std::ranges::find(route.methods, method) == route.methods.end()) continue;
    auto size = matched(route.path, path, same);
    if (!size || (found != nullptr && *size <= most)) continue;
    found = &route;
    most = *size;
  }
  return found;
}

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool unreserved(int c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '.' || c == '_' || c == '~';
}

std::string_view unsound_escape(std::string_view rest) {
  const int high = rest.size() > 1 ? hex(rest[1]) : -1, low = rest.size() > 2 ? hex(rest[2]) : -1;
  if (high < 0 || low < 0) return "a % in the path that begins no escape";
  const int byte = high * 16 + low;
  if (byte < 0x20 || byte == 0x7f) return "an escaped control character in the path";
  if (byte == '/' || byte == '\\' || byte == '%') return "an escaped slash, backslash or % in the path";
  if (unreserved(byte)) return "an escape in the path for a character that needs none";
  return {};
}

}  // namespace

Effect effect_of(const Route& route, std::string_view method) {
  if (route.effect) return *route.effect;
  return method == "GET" || method == "HEAD" ? Effect::read : Effect::write;
}

std::string host_name(std::string_view authority) {
  const auto colon = authority.rfind(':');
  if (colon != std::string_view::npos && authority.find(']', colon) == std::string_view::npos)
    authority = authority.substr(0, colon);
  if (authority.size() > 1 && authority.ends_with('.')) authority.remove_suffix(1);
  std::string name(authority);
  std::ranges::transform(name, name.begin(), lower);
  return name;
}

std::optional<std::string> unescape_percent(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const int high = i + 1 < text.size() ? hex(text[i + 1]) : -1, low = i + 2 < text.size() ? hex(text[i + 2]) : -1;
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

std::string_view unsound_target(std::string_view target) {
  if (!target.starts_with('/')) return "a target that is no path";
  if (target.find('#') != std::string_view::npos) return "a fragment in the target";
  if (std::ranges::any_of(target, [](char c) { return static_cast<unsigned char>(c) >= 0x7f; }))
    return "a character in the target that is not ASCII";
  const std::string_view path = path_of(target);
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '\\' || path[i] == ';') return "a backslash or semicolon in the path";
    if (path[i] == '%')
      if (auto why = unsound_escape(path.substr(i)); !why.empty()) return why;
    if (path[i] != '/') continue;
    const std::string_view rest = path.substr(i + 1), segment = rest.substr(0, rest.find('/'));
    if (segment == "." || segment == "..") return "a dot segment in the path";
    if (segment.empty() && !rest.empty()) return "an empty segment in the path";
  }
  return {};
}

std::expected<const Route*, std::string> Routes::match(std::string_view host, std::string_view method,
                                                       std::string_view target) const {
  const std::string_view path = path_of(target);
  const Route* exact = best(routes_, host, method, path, equal);
  const Route* folded = best(routes_, host, method, path, equal_folded);
  const Route* trimmed = best(routes_, host, method, without_last_slash(path), equal_folded);
  for (const Route* other : {folded, trimmed})
    if (other != nullptr && other != exact)
      return std::unexpected("a path that differs from the route " + other->path + " only in case or in a last slash");
  return exact;
}

}  // namespace notaus::gate
