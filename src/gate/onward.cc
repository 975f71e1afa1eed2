#include "gate/onward.h"

#include <algorithm>
#include <span>

#include "base/ascii.h"

namespace notaus::gate {
namespace {

using net::Field;
using net::Framing;
using net::Head;
using net::same_name;

// Of one connection, not of the message (RFC 9110 7.6.1). Upgrade is among them: what follows one is no HTTP, and nobody could stop it.
constexpr std::string_view kHopByHop[] = {"Connection",          "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate",
                                          "Proxy-Authorization", "TE",         "Upgrade",          "HTTP2-Settings"};

// A request that says it is another one.
constexpr std::string_view kOverrides[] = {"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-Original-URL",
                                           "X-Rewrite-URL"};

// Written anew for each request that goes on.
constexpr std::string_view kFraming[] = {"Host", "Expect", "Content-Length", "Transfer-Encoding"};

constexpr std::string_view kOfMessage[] = {"Content-Type", "Accept", "Mcp-Method", "Mcp-Name", "Last-Event-ID"};

constexpr std::size_t kUsualHead = 512;

constexpr std::string_view kOnce[] = {"Host", "Authorization", "X-Api-Key", "Content-Type", "Origin"};

bool is_one_of(std::string_view name, std::span<const std::string_view> names) {
  return std::ranges::any_of(names, [&](std::string_view one) { return same_name(name, one); });
}

// CGI and its like cannot tell `_` from `-`.
char folded(char c) { return c == '_' ? '-' : lower(c); }

bool reads_as(std::string_view name, std::string_view other) { return std::ranges::equal(name, other, {}, folded, folded); }

// Only we may say these to an upstream.
bool speaks_for_us(std::string_view name) {
  constexpr std::string_view kOurs[] = {"Notaus-", "X-Notaus-"};
  return std::ranges::any_of(kOurs, [&](std::string_view ours) { return reads_as(name.substr(0, ours.size()), ours); });
}

bool belongs_to_connection(const Field& field, const Head& head) {
  return is_one_of(field.name, kHopByHop) || net::has_token(head, "Connection", field.name);
}

void append_line(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

// A line of the client's that goes on whatever becomes of the body.
bool passes(const Field& field, const Head& request, const Upstream& upstream, const Credentials& credentials) {
  if (is_one_of(field.name, kFraming) || is_one_of(field.name, credentials)) return false;
  if (speaks_for_us(field.name) || belongs_to_connection(field, request)) return false;
  return std::ranges::none_of(upstream.headers, [&](const auto& ours) { return reads_as(field.name, ours.first); });
}

}  // namespace

net::Refusal unsound_request(const Head& request) {
  if (request.method == "CONNECT" || request.method == "TRACE") return {405, "a method that no tool has"};
  if (request.minor == 1 && request.find("Host") == nullptr) return {400, "no Host"};
  for (std::string_view name : kOnce)
    if (request.count(name) > 1) return {400, "Host, Authorization, X-Api-Key, Content-Type or Origin twice"};
  for (const Field& field : request.fields) {
    for (std::string_view name : kOverrides)
      if (reads_as(field.name, name)) return {400, "a header that makes another request of it"};
    const bool about_body = reads_as(field.name, "Content-Length") || reads_as(field.name, "Transfer-Encoding");
    if (about_body && field.name.find('_') != std::string_view::npos)
      return {400, "a header that differs from one about the body only in its underscore"};
  }
  for (std::string_view name : {"Host", "Content-Length", "Transfer-Encoding", "Authorization", "Content-Type"})
    if (net::has_token(request, "Connection", name)) return {400, "a Connection header that names one we need"};
  return {};
}

void append_request(std::string& out, const Head& request, const Upstream& upstream, const Credentials& credentials,
                    const Onward& onward) {
  out.reserve(kUsualHead);
  const bool bare = upstream.origin.path.empty() && !onward.target.starts_with('/');
  out.append(request.method).append(bare ? " /" : " ").append(upstream.origin.path).append(onward.target).append(" HTTP/1.1\r\n");
  append_line(out, "Host", upstream.origin.authority);
  for (const Field& field : request.fields) {
    const bool chunks = same_name(field.name, "Transfer-Encoding") && !onward.whole;
    if (chunks || passes(field, request, upstream, credentials)) out.append(field.line);
  }
  for (const auto& [name, value] : upstream.headers) append_line(out, name, value);
  const bool has_length = request.framing == Framing::length || request.find("Content-Length") != nullptr;
  if (has_length || (onward.whole && request.framing == Framing::chunked))
    append_line(out, "Content-Length", std::to_string(onward.whole ? onward.length : request.length));
  out.append("\r\n");
}

void append_identity(std::string& out, const Head& request, const Upstream& upstream, const Credentials& credentials) {
  for (const Field& field : request.fields)
    if (!is_one_of(field.name, kOfMessage) && passes(field, request, upstream, credentials)) out.append(field.line);
  for (const auto& [name, value] : upstream.headers) append_line(out, name, value);
}

bool stays_chunked(const Head& response, const Head& request) { return response.framing == Framing::chunked && request.minor == 1; }

void append_response(std::string& out, const Head& response, const Head& request, Keeps connection, Framed framed) {
  out.reserve(kUsualHead);
  out.append("HTTP/1.1").append(response.start_line.substr(8));
  for (const Field& field : response.fields) {
    if (belongs_to_connection(field, response)) continue;
    if (same_name(field.name, "Transfer-Encoding") && (framed == Framed::anew || !stays_chunked(response, request))) continue;
    if (same_name(field.name, "Content-Length") && framed == Framed::anew) continue;
    out.append(field.line);
  }
  if (framed == Framed::anew && request.minor == 1) append_line(out, "Transfer-Encoding", "chunked");
  if (connection == Keeps::closes) append_line(out, "Connection", "close");
  if (connection == Keeps::open && request.minor == 0) append_line(out, "Connection", "keep-alive");
  out.append("\r\n");
}

}  // namespace notaus::gate
