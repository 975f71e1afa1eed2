#include "page/point.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "base/clock.h"
#include "page/sentinel.h"

namespace notaus::page {
namespace {

constexpr std::size_t kAliveFlags = 4096;
constexpr auto kBusyRound = std::chrono::milliseconds(50);

std::mutex& all_points_mutex() {
  static auto* mutex = new std::mutex;  // outlives every static Guard
  return *mutex;
}
std::vector<Point*>& all_points() {
  static auto* points = new std::vector<Point*>;
  return *points;
}

// A page the kernel replaces by zeros in a forked child. Nothing if it cannot: then nothing is ever alive, and all is denied.
bool* wiped_on_fork() {
  void* page = mmap(nullptr, kAliveFlags, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  static bool never[kAliveFlags] = {};
  return page == MAP_FAILED || madvise(page, kAliveFlags, MADV_WIPEONFORK) != 0 ? never : static_cast<bool*>(page);
}

}  // namespace

Point::Point(GuardOptions options) : options_(std::move(options)), now_ms_(wall_now().ms), alive_(wiped_on_fork()) {
  static const int registered = pthread_atfork(before_fork, after_fork_parent, after_fork_child);
  (void)registered;
  auto state = find_state(options_.state);
  if (state) state_ = *state;
  {
    std::scoped_lock hold(mutex_);
    if (state)
      attach();
    else
      detach(Why::page_missing, state.error().what);
    start_watcher();
  }
  std::scoped_lock hold(all_points_mutex());
  all_points().push_back(this);
}

Point::~Point() {
  {
    std::scoped_lock hold(all_points_mutex());
    std::erase(all_points(), this);
  }
  stopping_ = true;
  nudge();
  if (watcher_) watcher_->join();
  report(Tell::all);
  for (Seat& seat : seats_) leave(seat);
}

// What found no room in the spool stays in the slot file, for whoever drains the dead.
void Point::leave(Seat& seat) {
  if (!seat.attachment->alive()) return;
  if (seat.attachment->slots().idle()) seat.attachment->slots().leave();
  seat.spool->close();
}

// The child gets the mutexes free, none of the descriptors that hold our owner locks, and no watcher.
void Point::before_fork() {
  all_points_mutex().lock();
  for (Point* point : all_points()) {
    point->mutex_.lock();
    point->told_.lock();
  }
}
void Point::after_fork_parent() {
  for (Point* point : all_points()) {
    point->told_.unlock();
    point->mutex_.unlock();
  }
  all_points_mutex().unlock();
}
void Point::after_fork_child() {
  for (Point* point : all_points()) {
    for (Seat& seat : point->seats_) {
      seat.attachment->slots().close_in_child();
      seat.spool->close_in_child();
    }
    (void)point->watcher_.release();  // a thread that does not exist here cannot be joined
    point->forked_ = true;
  }
  after_fork_parent();
}

Attachment* Point::attach_in_child() {
  if (attachment_.load() == nullptr && !forked_) return nullptr;  // not attached; the watcher tries again
  std::scoped_lock hold(mutex_);
  Attachment* here = attachment_.load();
  if (!forked_.exchange(false) && (here == nullptr || here->alive())) return here;  // another thread was faster
  attach();
  start_watcher();
  return attachment_;
}

void Point::attach() {
  if (seats_.size() >= kAliveFlags) return detach(Why::guard_fault, "the live page was replaced too often");
  auto page = LivePage::open(state_, Access::read);
  if (!page) return detach(page.error().why, page.error().what);
  std::string name = options_.name.empty() ? program_invocation_short_name : options_.name;
  auto slots = Slots::create(state_, {name, options_.tenant, options_.agent, options_.admission_only}, page->head().page_id);
  if (!slots) return detach(Why::slots_full, slots.error().in("no slot file").what);
  bool* alive = alive_ + seats_.size();
  *alive = true;
  auto spool = std::make_unique<Spool>(state_, (*slots)->process());
  auto here = std::make_unique<Attachment>(*std::move(page), *std::move(slots), witness_, alive, state_);
  here->nudge = [this] { nudge(); };
  here->keys().expect(options_.tenant);
  seats_.push_back({std::move(here), std::move(spool)});
  (void)heed_sentinel(*seats_.back().attachment);
}

void Point::detach(Why why, std::string what) {
  attachment_ = nullptr;
  std::scoped_lock hold(told_);
  why_ = why;
  trouble_ = std::move(what);
}

Denial Point::missing(const Call& call) const {
  if (Attachment* aside = aside_; aside != nullptr && aside->alive()) aside->count_denial(call, {.why = Why::stop_all});
  std::scoped_lock hold(told_);
  return {why_, reason(why_, call.tool), {}, 0, trouble_};
}

std::string Point::trouble() const {
  std::scoped_lock hold(told_);
  return trouble_;
}

Call Point::complete(const Call& call) const {
  Call out = call;
  if (out.tenant.empty()) out.tenant = options_.tenant;
  if (out.agent.empty()) out.agent = options_.agent;
  return out;
}

void Point::start_watcher() {
  try {
    watcher_ = std::make_unique<std::thread>([this] { watch(); });
  } catch (const std::exception& full) {  // without it nobody would notice that the page under us was replaced
    detach(Why::guard_fault, std::string("no watcher thread: ") + full.what());
  }
}

void Point::nudge() {
  nudges_.fetch_add(1);
  (void)syscall(SYS_futex, &nudges_, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

void Point::watch() {
  using Clock = std::chrono::steady_clock;
  Seen seen;
  auto checked = Clock::now(), told = checked;
  std::int64_t second = 0;  // of the clock that Tallies counts by
  Tell asked = Tell::all;
  while (!stopping_) {
    now_ms_.store(wall_now().ms, std::memory_order_relaxed);
    unsigned nudges = nudges_;
    Attachment* here = mapped();
    const Seen now = here != nullptr ? Seen{here->page().head().word.load(), here->page().head().latch.load()} : Seen{};
    const bool flipped = now != seen && std::exchange(seen, now).word != 0;
    if (flipped) tell_of_change();
    auto deadline = here != nullptr ? here->ask_to_stop(boot_now()) : std::nullopt;
    const bool over = std::exchange(second, now_ms() / 1000) != now_ms() / 1000;
    if (flipped || over || Clock::now() - told >= round) asked = Tell::all;
    if (asked == Tell::all) told = Clock::now();
    report(asked);
    if (Clock::now() - checked >= round || (flipped && aside_ != nullptr)) {
      checked = Clock::now();
      check_in_place();
    }
    asked = wait_for_news(now, nudges, deadline);
  }
}

// A page that was deleted or replaced under us admits nothing, however fresh it looks: no stop would reach it.
void Point::check_in_place() {
  std::unique_lock hold(mutex_);
  Attachment* here = mapped();
  if (here != nullptr && here->page().in_place(state_) && here->slots().in_place()) {
    here->keys().forget_destroyed();
    const bool changed = heed_sentinel(*here);
    hold.unlock();
    if (changed) tell_of_change();
    return;
  }
  aside_ = nullptr;
  if (here != nullptr) {
    detach(Why::page_missing, fmt::format("{} was replaced or removed", state_.page()));
    here->page().abandon();
  }
  if (!state_.path.empty()) attach();
}

void Point::tell_of_change() {
  if (options_.on_change) options_.on_change();
}

// Only the state's owner can put a record onto the page, and does so with its next command. Until it stands there we deny by ourselves,
// also when the file has gone again. Where calls are asked from now on; false: as before.
bool Point::heed_sentinel(Attachment& here) {
  const bool was_aside = aside_ == &here;
  bool aside = was_aside || sentinel_stands(state_);
  if (aside && here.stopped_by(kSentinelActor)) aside = false;
  if (aside == was_aside && (aside || attachment_ == &here)) return false;
  here.slots().file().head.sentinel.store(aside);
  here.stand_aside(aside);
  aside_ = aside ? &here : nullptr;
  if (aside) {
    detach(Why::stop_all, fmt::format("{} stands: remove it, and `notaus status` tells which stop to resume", state_.sentinel()));
    return true;
  }
  {
    std::scoped_lock hold(told_);
    trouble_.clear();
  }
  attachment_ = &here;
  return true;
}

// By the watcher, or when there is none any more. Without the mutex: whoever forks takes it, and must not wait for a disk.
void Point::report(Tell what) {
  for (Seat& seat : seats_) {
    if (!seat.attachment->alive()) continue;
    drain_facts(*seat.attachment, *seat.spool, what);
    if (what == Tell::ring) continue;
    seat.attachment->slots().file().head.rounds.fetch_add(1);
    if (seat.attachment.get() != mapped() && seat.attachment->slots().idle()) leave(seat);  // of a page that was replaced
  }
}

// What is wanted then: all, if whoever writes the page has woken us.
Tell Point::wait_for_news(Seen seen, unsigned seen_nudge, std::optional<BootTime> deadline) {
  struct futex_waitv waits[3] = {};
  Attachment* here = mapped();
  unsigned count = 0;
  auto add = [&](const void* word, std::uint64_t known, std::uint32_t flags) {  // of a word of 64 bits its low half
    waits[count++] = {static_cast<std::uint32_t>(known), reinterpret_cast<std::uintptr_t>(word), flags, 0};
  };
  add(&nudges_, seen_nudge, FUTEX_32 | FUTEX_PRIVATE_FLAG);
  if (here != nullptr) add(&here->page().head().word, seen.word, FUTEX_32);
  if (here != nullptr) add(&here->page().head().latch, seen.latch, FUTEX_32);
  const bool busy = here != nullptr && here->slots().file().head.head.load() != last_head_;
  if (here != nullptr) last_head_ = here->slots().file().head.head.load();
  timespec until{};
  clock_gettime(CLOCK_MONOTONIC, &until);
  std::int64_t patience = std::chrono::nanoseconds(std::min(round, busy ? kBusyRound : round)).count();
  if (deadline) patience = std::clamp<std::int64_t>(deadline->ns - boot_now().ns, 0, patience);
  until.tv_nsec += patience % 1'000'000'000;
  until.tv_sec += patience / 1'000'000'000 + until.tv_nsec / 1'000'000'000;
  until.tv_nsec %= 1'000'000'000;
  const long woken = syscall(SYS_futex_waitv, waits, count, 0, &until, CLOCK_MONOTONIC);
  if (woken >= 0) return woken > 0 ? Tell::all : Tell::ring;
  if (errno == ETIMEDOUT || errno == EAGAIN || errno == EINTR) return Tell::ring;
  std::this_thread::sleep_for(kBusyRound);  // a kernel that does not have it (before 5.16), or a sandbox that does not know it
  return Tell::all;
}

}  // namespace notaus::page
