// net/connection.h: one client of a server: its requests one after another, and what is said to it in return.
#pragma once

#include <string>
#include <string_view>

#include "net/answer.h"
#include "net/limits.h"
#include "net/reader.h"
#include "net/stream.h"

namespace notaus::net {

constexpr Refusal kTooMuchHeld{503, "too many bytes of requests wait in memory already: try again when some are through"};

struct OfServer;  // a tag: which of its lists
using ServerHook =
    boost::intrusive::list_base_hook<boost::intrusive::tag<OfServer>, boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

class Connection final : public Timed, public ServerHook {
 public:
  // `held`: bytes that all connections of its server hold; both outlive it.
  Connection(Loop& loop, Stream stream, const Limits& limits, std::size_t& held);
  ~Connection() { (void)hold(0); }

  // Before the first request, where there is TLS. False: there will be none.
  Task<bool> secure(const Tls& tls);

  // The next request; else why there is none. One that came too slowly is refused with 408.
  Task<Judged<const Head*>> next();

  [[nodiscard]] const Head& request() const { return reader_.last_head(); }
  [[nodiscard]] bool body_done() const { return reader_.body_done(); }

  Task<Judged<>> whole_body(std::string& into, std::size_t most);
  Task<Judged<std::string_view>> body_piece();  // what the next bytes of it carry; empty: it has ended

  // So many bytes of this request wait in memory from now on. False: all connections have too many there already.
  [[nodiscard]] bool hold(std::size_t bytes);

  // False: nobody is there any more.
  Task<bool> answer(const Answer& answer);

  // For who writes a response himself: bytes as they are.
  Task<bool> write(std::span<iovec> pieces);

  Stream& stream() { return stream_; }
  [[nodiscard]] const Peer& peer() const { return peer_; }

  // No request is read after this one, and each answer says so.
  void close_after_this() { keep_ = false; }
  [[nodiscard]] bool keeps() const { return keep_ && request().keep_alive && body_done(); }

  // The server wants to end: at once if nothing is under way.
  void wind_up();

  // Waits a moment for the client to close, so that it reads what it was told last.
  Task<> part();
  void part_at_once();  // the same without waiting, as far as that goes

  void tick(BootTime now) override;

 private:
  enum class Phase : std::uint8_t { idle, head, body, stall, parting, ours };
  void enter(Phase phase);
  Task<Judged<>> invite_body();
  Judged<> judged(Refusal refusal);

  Stream stream_;
  Reader reader_;
  const Limits& limits_;
  std::size_t& all_held_;
  std::size_t held_ = 0;
  Peer peer_;
  Phase phase_ = Phase::idle;
  BootTime since_;
  std::uint64_t received_ = 0;
  bool keep_ = true, late_ = false, invited_ = false;
};

}  // namespace notaus::net
