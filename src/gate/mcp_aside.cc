#include "gate/mcp_aside.h"

#include <array>
#include <utility>

#include <fmt/format.h>

#include "gate/handover.h"
#include "gate/relay.h"

namespace notaus::gate {
namespace {

constexpr std::int64_t kPatienceNs = 10'000'000'000;
constexpr std::size_t kMostAnswer = 1 << 20;

// Ends the wait for an answer that does not come.
class Patience final : public net::Timed {
 public:
  Patience(net::Loop& loop, net::Link& link) : link_(link), until_{boot_now().ns + kPatienceNs} { loop.watch(*this); }
  void tick(BootTime now) override {
    if (now >= until_) link_.stream.cancel();
  }

 private:
  net::Link& link_;
  const BootTime until_;
};

std::string head_of(const Upstream& upstream, Dialogue& dialogue, const std::string& line) {
  auto message = classify(line);
  std::string head = fmt::format("POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n",
                                 upstream.origin.path.empty() ? "/" : upstream.origin.path, upstream.origin.authority);
  head += "Accept: application/json, text/event-stream\r\n" + dialogue.head_lines();
  if (message && message->era == Era::modern)
    head += fmt::format("Mcp-Method: {}\r\nMcp-Name: {}\r\n", message->method, message->subject);
  return head + fmt::format("Content-Length: {}\r\n\r\n", line.size());
}

void hear(Relay& relay, std::string_view bytes, Dialogue& dialogue) {
  while (!bytes.empty())
    if (Relay::State state = relay.take(bytes); state == Relay::State::ended || state == Relay::State::overlong) {
      relay.bytes.clear();
      const ServerLine line = relay.finish();
      if (line.is_response()) dialogue.with([&](Session& session) { return session.hear_server(line); });
    }
}

}  // namespace

net::Task<> say_aside(net::Loop& loop, std::shared_ptr<const void> alive, net::Pool& pool, const Upstream& upstream,
                      std::shared_ptr<Dialogue> dialogue, std::string line) {
  const std::string head = head_of(upstream, *dialogue, line);
  std::array pieces = {net::piece(head), net::piece(line)};
  auto handed = co_await hand_over(pool, pieces, [] { return true; });
  if (!handed) co_return;
  net::Link& link = *handed->link;
  Patience patience(loop, link);
  if (!co_await link.stream.write(pieces, handed->count)) co_return;
  auto response = co_await link.reader.head();
  if (!response) co_return;
  const net::Field* type = (*response)->find("Content-Type");
  const bool events = type != nullptr && type->value.starts_with("text/event-stream");
  Relay relay(kMostAnswer, events ? Relay::Form::events : Relay::Form::whole);
  while (!link.reader.body_done()) {
    auto part = co_await link.reader.body(net::Reader::Form::carried);
    if (!part) co_return;
    hear(relay, *part, *dialogue);
  }
  const ServerLine last = relay.finish();
  if (last.is_response()) dialogue->with([&](Session& session) { return session.hear_server(last); });
  if (link.reader.last_head().keep_alive) pool.give_back(std::move(handed->link));
  (void)alive;
}

}  // namespace notaus::gate
