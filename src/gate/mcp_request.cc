#include "gate/mcp_request.h"

#include <atomic>

#include <fmt/format.h>

#include "gate/mcp_head.h"
#include "gate/problem.h"

namespace notaus::gate {
namespace {

using net::Task;

std::string value_of(const net::Head& head, std::string_view name) {
  const net::Field* field = head.find(name);
  return field != nullptr ? std::string(field->value) : "";
}

}  // namespace

std::string next_way() {
  static std::atomic<std::uint64_t> ways = 0;
  return fmt::format("#{}", ++ways);
}

McpRequest::McpRequest(net::Connection& client, const Asked& asked, Guard& guard)
    : client_(client), asked_(asked), guard_(guard), session_(value_of(client.request(), "Mcp-Session-Id")) {}

void McpRequest::note(std::string_view why) { guard_.refused({.tenant = asked_.caller.tenant, .agent = asked_.caller.agent}, why); }

Task<> McpRequest::refuse(unsigned status, std::string_view why) {
  note(why);
  co_await client_.answer(refused(status, why));
}

Task<> McpRequest::answer(const Ruling& ruling) {
  if (!ruling.note.empty() && ruling.to_client.empty()) co_return co_await refuse(400, ruling.note);
  if (!ruling.note.empty()) note(ruling.note);
  if (ruling.to_client.empty()) co_return (void) co_await client_.answer({.status = 202});
  co_await client_.answer({.status = ruling.note.empty() ? 200u : 400u, .body = ruling.to_client});
}

Task<bool> McpRequest::sound() {
  const auto unsound = unsound_mcp(client_.request());
  if (unsound.status != 0) co_await refuse(unsound.status, unsound.why);
  co_return unsound.status == 0;
}

Task<std::optional<Message>> McpRequest::message() {
  if (auto read = co_await client_.whole_body(body_, kMostBody); !read) {
    client_.close_after_this();
    if (read.error().status != 0) co_await refuse(read.error().status, read.error().why);
    co_return std::nullopt;
  }
  auto message = classify(body_);
  auto other = message ? differs(client_.request(), *message) : std::optional(message.error());
  if (!other) co_return std::move(*message);
  co_await answer(reject(*other));
  co_return std::nullopt;
}

Task<bool> McpRequest::seated(const Message& message, Seats& seats) {
  if (message.shape != Shape::request || message.asks == Asks::news) co_return true;
  seat_ = seats.take(asked_.caller);
  if (!seat_) co_await refuse(kNoSeat.status, kNoSeat.why);
  co_return static_cast<bool>(seat_);
}

}  // namespace notaus::gate
