// notaus/guard.hpp: asks "may this call run?" without leaving the process.
//
// Owner:    one Guard per process is enough; it outlives every Permit and Handle it gave. The state directory belongs to whoever
//           runs `notaus init`; we map its live page read-only.
// Threads:  every member may be called from any thread at once. A forked child may go on using the Guard: it attaches by itself.
// Fails:    open() and admit() cannot fail and throw nothing: what cannot be read is denied. trouble() says why.
// Cost:     admit: no lock, no syscall, no allocation; but a tenant's first call with arguments reads a file, unless GuardOptions or a
//           Handle named the tenant. A denial may cost a syscall.
// Order:    a slot is claimed BEFORE the page is read; see "Who sees whom" in src/page/slots.h.
//
//   notaus::Guard guard = notaus::Guard::open({.tenant = "acme", .agent = "mailer"});
//   if (auto denied = guard.call({.tool = "email.send", .effect = notaus::Effect::write}, [&] { send(mail); }))
//     return give_up(denied->reason);                       // "killed: writes_disabled:email.send"
//
// C++20, g++ 12 or clang; link notaus::guard (find_package(notaus)).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <notaus/call.hpp>

namespace notaus {

namespace page {
class Point;  // this process as an enforcement point
class Attachment;  // its mapping of one live page, and its slots there
struct Lane;  // what a Handle remembers
}  // namespace page

struct Denial {
  Why why;
  std::string reason;  // exactly as operators and tests know it: "killed: stop_all"
  std::string stop;  // id of the stop that denied; empty when fenced
  std::uint64_t revision = 0;
  std::string help;  // when fenced: what is wrong and which command mends it
};

// A stop that wants calls ended (`notaus stop --cancel`) covers an admitted one.
struct Cancellation {
  std::int64_t at;  // CLOCK_BOOTTIME, ns: until then it may end by itself
  Denial denial;  // whose stop it is
};

// One admitted call. It is in flight, and on every stop's list, until done() or the end of its life (then: Outcome::unknown). The Guard that
// admitted it outlives it.
class Permit {
 public:
  Permit() = default;
  Permit(Permit&& other) noexcept
      : attachment_(std::exchange(other.attachment_, nullptr)), word_(other.word_), claim_(other.claim_), slot_(other.slot_) {}
  Permit& operator=(Permit&& other) noexcept {
    std::swap(attachment_, other.attachment_);
    std::swap(word_, other.word_);
    std::swap(claim_, other.claim_);
    std::swap(slot_, other.slot_);
    return *this;
  }
  ~Permit() {
    if (attachment_ != nullptr) done(Outcome::unknown);
  }

  // Right before the effect's first byte leaves, after any wait: nothing if the call may still go, else why not. The call is then
  // over (not_sent) and must not be sent. Admission alone promises only that a stop lists this call; this closes the gap.
  [[nodiscard]] std::optional<Denial> recheck() noexcept;

  // Is it to be ended? Changes only with the page: ask again in GuardOptions::on_change. Costs a look at every such stop.
  [[nodiscard]] std::optional<Cancellation> cancellation() const noexcept;

  // Asked to stop, on the watcher thread, when that moment has come. A request, never more: end the call if you can, then done(). What
  // can no longer be taken back is Outcome::unknown. A token's callbacks must neither throw nor end the Guard.
  [[nodiscard]] std::stop_token stop_token();

  // How it ended. Only the first call counts.
  void done(Outcome outcome) noexcept;

  // "k3j2…-17-4": the name under which `notaus stop` lists this call. Unique on this host.
  [[nodiscard]] std::string id() const;

  explicit operator bool() const { return attachment_ != nullptr; }

 private:
  friend class page::Attachment;
  page::Attachment* attachment_ = nullptr;
  std::uint64_t word_ = 0;  // the page word the call was admitted under
  std::uint64_t claim_ = 0;  // the slot's word since then: our generation
  std::uint32_t slot_ = 0;
};

// Permit | Denial
class [[nodiscard]] Admission {
 public:
  explicit Admission(Permit permit) noexcept : permit_(std::move(permit)) {}
  explicit Admission(std::unique_ptr<Denial> denial) noexcept : denial_(std::move(denial)) {}

  explicit operator bool() const { return static_cast<bool>(permit_); }
  Permit& permit() { return permit_; }  // if true
  const Denial& denial() const noexcept;  // if false

 private:
  Permit permit_;
  std::unique_ptr<Denial> denial_;
};

// A call that is made again and again: its names are written once and its verdict is remembered until the page changes.
// Costs a few nanoseconds where Guard::admit costs a hundred. Copies share the memory; the Guard outlives it.
class Handle {
 public:
  Admission admit(std::string_view args = {}) noexcept;

 private:
  friend class Guard;
  Handle(std::shared_ptr<page::Point> point, std::shared_ptr<page::Lane> lane) : point_(std::move(point)), lane_(std::move(lane)) {}
  std::shared_ptr<page::Point> point_;
  std::shared_ptr<page::Lane> lane_;
};

struct GuardOptions {
  std::string state = {};  // state directory; empty: $NOTAUS_STATE, /var/lib/notaus if it exists, ~/.local/state/notaus
  std::string tenant = {};  // what calls mean that leave theirs empty
  std::string agent = {};
  std::string name = {};  // shown by `notaus status`; empty: the program's name
  // Somebody else makes the calls, and nobody says how they end (a proxy's auth request, a hook): done(Outcome::unknown) right after the
  // answer. A stop lists the writes of the last half minute, each as unknown; an effect that comes later is past it.
  bool admission_only = false;
  std::function<void()> on_change = {};  // called on the watcher thread soon after each change of the page; must not throw
};

class Guard {
 public:
  static Guard open(GuardOptions options = {}) noexcept;

  // Takes a slot and asks. The slot is in use until the Permit is done. Not of a temporary: what it admits needs it.
  Admission admit(const Call& call) & noexcept;

  Handle handle(const Call& call);

  // Asks without taking a slot: for `check`, never before an effect, since a stop cannot list what has no slot.
  [[nodiscard]] std::optional<Denial> check(const Call& call) noexcept;

  // admit, recheck, fn, done. Not called: the reason why. If fn throws, the outcome is unknown and the exception goes on. A fn that
  // takes a std::stop_token gets the Permit's.
  template <class Fn>
  std::optional<Denial> call(const Call& what, Fn&& fn) {
    Admission admission = admit(what);
    if (!admission) return admission.denial();
    if (auto denied = admission.permit().recheck()) return denied;
    if constexpr (std::is_invocable_v<Fn, std::stop_token>)
      std::forward<Fn>(fn)(admission.permit().stop_token());
    else
      std::forward<Fn>(fn)();
    admission.permit().done(Outcome::done);
    return std::nullopt;
  }

  // Records a call that was turned away before anyone could be asked about it: malformed, too long, of no known shape. Give what of it
  // could be read. In the log it is a `blocked` record with reason "rejected: " + why.
  void refused(const Call& call, std::string_view why) noexcept;

  // Empty, or why everything is denied and what to do: "no live page at /var/lib/notaus/live/page: run `notaus status`".
  [[nodiscard]] std::string trouble() const;

 private:
  explicit Guard(std::shared_ptr<page::Point> point) : point_(std::move(point)) {}
  std::shared_ptr<page::Point> point_;
};

}  // namespace notaus
