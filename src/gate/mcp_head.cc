#include "gate/mcp_head.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/ascii.h"
#include "gate/strict_json.h"

namespace notaus::gate {
namespace {

using net::Head;
using net::Refusal;
using net::same_name;

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

// "mcp-" however it is spelled: CGI and its like cannot tell `_` from `-`.
bool is_about_mcp(std::string_view name) {
  constexpr std::string_view kPrefix = "mcp-";
  return name.size() > kPrefix.size() &&
         std::ranges::equal(name.substr(0, kPrefix.size()), kPrefix, {}, [](char c) { return c == '_' ? '-' : lower(c); });
}

// application/json in UTF-8, in any case and with whatever other parameters.
bool is_json(std::string_view type) {
  if (!same_name(trimmed(type.substr(0, type.find(';'))), "application/json")) return false;
  std::string folded(type);
  std::ranges::transform(folded, folded.begin(), lower);
  const auto charset = folded.find("charset");
  return charset == std::string::npos || folded.find("utf-8", charset) != std::string::npos;
}

std::optional<unsigned> sextet(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? std::optional(62u) : c == '/' ? std::optional(63u) : std::nullopt;
}

std::optional<std::string> base64(std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string out;
  unsigned bits = 0, have = 0;
  for (char c : text) {
    auto six = sextet(c);
    if (!six) return std::nullopt;
    bits = (bits << 6 | *six) & 0xffff;
    have += 6;
    if (have < 8) continue;
    have -= 8;
    out += static_cast<char>(bits >> have & 0xff);
  }
  return out;
}

// As written, or "=?base64?…?=" for what no header can hold.
std::optional<std::string> name_in(std::string_view value) {
  constexpr std::string_view kBegin = "=?base64?", kEnd = "?=";
  if (!value.starts_with(kBegin)) return std::string(value);
  if (!value.ends_with(kEnd) || value.size() < kBegin.size() + kEnd.size()) return std::nullopt;
  return base64(value.substr(kBegin.size(), value.size() - kBegin.size() - kEnd.size()));
}

constexpr int kInvalidParams = -32602;
constexpr std::string_view kModern = "2026-07-28", kCapabilities = "io.modelcontextprotocol/clientCapabilities";

// Methods whose subject the head repeats.
bool is_named(std::string_view method) {
  return method == "tools/call" || method == "prompts/get" || method == "resources/read" || method == "tasks/get" ||
         method == "tasks/update" || method == "tasks/cancel";
}

Rejection mismatched(const Message& message, std::string why) {
  return {kHeaderMismatch, std::move(why), message.id.empty() ? "null" : message.id};
}

}  // namespace

Refusal unsound_mcp(const Head& request) {
  if (request.method != "POST" && request.method != "GET" && request.method != "DELETE")
    return {405, "MCP knows POST, GET and DELETE"};
  for (const net::Field& field : request.fields) {
    if (!is_about_mcp(field.name)) continue;
    if (field.name.find('_') != std::string_view::npos) return {400, "an Mcp header spelled with an underscore"};
    if (request.count(field.name) > 1) return {400, "an Mcp header twice"};
  }
  if (request.count("Last-Event-ID") > 1) return {400, "Last-Event-ID twice"};
  if (request.method != "POST")
    return request.framing == net::Framing::none ? Refusal{} : Refusal{400, "a body where MCP has none"};
  const net::Field *type = request.find("Content-Type"), *coding = request.find("Content-Encoding");
  if (coding != nullptr && !same_name(coding->value, "identity"))
    return {415, "a Content-Encoding, behind which the message cannot be read"};
  if (type == nullptr || !is_json(type->value)) return {415, "a Content-Type other than application/json in UTF-8"};
  return {};
}

std::optional<Rejection> differs(const Head& request, const Message& message) {
  auto mismatch = [&](std::string why) { return mismatched(message, std::move(why)); };
  if (const net::Field* method = request.find("Mcp-Method"); method != nullptr && method->value != message.method)
    return mismatch("Mcp-Method is not the method of the body");
  if (const net::Field* name = request.find("Mcp-Name"); name != nullptr && name_in(name->value) != message.subject)
    return mismatch("Mcp-Name is not the name in the body");
  const net::Field* version = request.find("MCP-Protocol-Version");
  if (version != nullptr && message.era == Era::modern && version->value != message.version)
    return mismatch("MCP-Protocol-Version is not the one in the body");
  return std::nullopt;
}

std::optional<Rejection> lacking(const Head& request, const Message& message) {
  const net::Field* version = request.find("MCP-Protocol-Version");
  const bool modern_head = version != nullptr && version->value >= kModern;
  auto invalid = [&](std::string why) {
    return Rejection{kInvalidParams, std::move(why), message.id.empty() ? "null" : message.id};
  };
  if (message.era == Era::legacy)
    return modern_head && message.shape == Shape::request ? std::optional(invalid("params._meta has no protocolVersion"))
                                                          : std::nullopt;
  for (const char* name : {"MCP-Protocol-Version", "Mcp-Method"})
    if (request.find(name) == nullptr) return mismatched(message, std::string(name) + " is missing");
  if (is_named(message.method) && request.find("Mcp-Name") == nullptr) return mismatched(message, "Mcp-Name is missing");
  Members meta;
  const bool request_meta =
      message.shape != Shape::request || (read_object(message.meta, meta) && !meta.find(kCapabilities).empty());
  return request_meta ? std::nullopt : std::optional(invalid("params._meta has no clientCapabilities"));
}

}  // namespace notaus::gate
