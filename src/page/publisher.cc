#include "page/publisher.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#include <cstring>
#include <thread>

#include <fmt/format.h>

#include "base/id.h"
#include "base/must.h"

namespace notaus::page {
namespace {

void write_image(std::byte* half, std::uint64_t sequence, const std::vector<std::uint64_t>& image) {
  // Relaxed atomic words: a guard that is two flips late may be reading them. It will find that the word has moved.
  auto& head = *reinterpret_cast<HalfHead*>(half);
  head.sequence.store(0, std::memory_order_relaxed);
  for (std::size_t i = 0; i < image.size(); ++i) store(half + kHalfHead + i * 8, image[i]);
  head.sequence.store(sequence, std::memory_order_release);
}

void retire(const StateDir& state) {
  if (auto old = LivePage::open(state, Access::write)) {
    old->head().latch.fetch_or(kRetired);
    (void)syscall(SYS_futex, &old->head().word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
  }
}

}  // namespace

Result<PageLock> PageLock::take(const StateDir& state, std::chrono::milliseconds patience) {
  auto fd = open_file(state.lock(), O_RDWR);
  if (!fd) return std::unexpected(fd.error());
  auto give_up = std::chrono::steady_clock::now() + patience;
  while (flock(fd->get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return std::unexpected(os_trouble(state.lock(), errno));
    if (std::chrono::steady_clock::now() >= give_up) return trouble(Kind::retry, state.lock() + ": another process holds it");
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return PageLock(*std::move(fd));
}

Result<Publisher> Publisher::open(const StateDir& state) {
  auto page = LivePage::open(state, Access::write);
  if (page) return Publisher(*std::move(page));
  Kind kind = Kind::broken;
  if (page.error().why == Why::page_missing)
    kind = access(state.page().c_str(), F_OK) == 0 && access(state.page().c_str(), W_OK) != 0 ? Kind::refused : Kind::gone;
  return trouble(kind, page.error().what);
}

Result<Publisher> Publisher::replace(const StateDir& state, const PageLock&, const core::State& initial) {
  if (auto made = make_directories(state); !made) return std::unexpected(made.error());
  retire(state);
  if (unlink(state.page().c_str()) != 0 && errno != ENOENT) return std::unexpected(os_trouble(state.page(), errno));
  auto fd = make_file(state.page(), kPageSize, 0644);
  if (!fd) return std::unexpected(fd.error());
  PageHead head{};
  head.magic = kPageMagic;
  head.version = kPageVersion;
  head.half_size = kHalfSize;
  head.page_id = random_u64();
  head.time_namespace = time_namespace();
  std::string boot = boot_id();
  std::memcpy(head.boot_id, boot.data(), std::min(boot.size(), sizeof head.boot_id - 1));
  if (auto wrote = write_at(fd->get(), &head, offsetof(PageHead, pad0), 0); !wrote)
    return std::unexpected(wrote.error().in(state.page()));
  auto page = LivePage::open(state, Access::write);
  if (!page) return trouble(Kind::broken, page.error().what);
  Publisher publisher(*std::move(page));
  if (auto flipped = publisher.flip(initial); !flipped) return std::unexpected(flipped.error());
  return publisher;
}

Result<core::State> Publisher::current() const {
  // Without the lock a flip may go over what is being read: then the word has moved, and the newer half is read instead.
  while (true) {
    const std::uint64_t read = word();
    auto snapshot = page_.verify(read);
    auto state = snapshot ? Result<core::State>(snapshot->state()) : std::unexpected(snapshot.error());
    if (word() == read) return state;
  }
}

Result<core::State> Publisher::publish(const PageLock&, core::State next) {
  if (auto now = current(); now && now->epoch == next.epoch) must(next.revision >= now->revision, next.revision, now->revision);
  if (auto flipped = flip(next); !flipped) return std::unexpected(flipped.error());
  return next;
}

Result<core::State> Publisher::add_local(const PageLock&, core::Stop stop) {
  auto state = current();
  if (!state) return state;
  stop.local = true;
  state->stops.push_back(stop);
  if (flip(*state)) return state;
  // It does not fit: stop more rather than less, with a record that is sure to be small.
  auto& small = state->stops.back();
  small.selector = {};
  small.mode = core::Mode::stop_all;
  small.reason = "the page is full: stopped everything instead";
  for (auto& other : state->stops) other.reason = other.id == small.id ? other.reason : "";
  if (auto flipped = flip(*state); !flipped) return std::unexpected(flipped.error());
  return state;
}

Result<core::State> Publisher::drop_local(const PageLock&, const std::string& id) {
  auto state = current();
  if (!state || std::erase_if(state->stops, [&](const core::Stop& stop) { return stop.local && stop.id == id; }) == 0) return state;
  if (auto flipped = flip(*state); !flipped) return std::unexpected(flipped.error());
  return state;
}

Result<> Publisher::flip(const core::State& state) {
  auto image = core::flatten(state, kImageMax);
  if (!image) return std::unexpected(image.error());
  std::uint64_t now = word();
  std::uint64_t next = now == 0 ? (random_u64() >> 1 | 1) : now + 1;
  write_image(page_.half(next), next, *image);
  must(core::Snapshot::open(Bytes(page_.half(next) + kHalfHead, kImageMax)).has_value(), next);
  page_.head().word.exchange(next);  // seq_cst: who claimed a slot before this is on our scan, who claims later reads the new word
  // From now on only this half is a page: a word that is set back by one must not bring the last one to life again. Who is still reading
  // it finds that the word has moved.
  reinterpret_cast<HalfHead*>(page_.half(now))->sequence.store(0, std::memory_order_release);
  return {};
}

void Publisher::latch() {
  page_.head().latch.fetch_or(kLatched);
  wake();
}
bool Publisher::latched() const { return (page_.head().latch.load() & kLatched) != 0; }

bool Publisher::unlatch(const PageLock&, std::uint64_t kept) {
  page_.head().lifts.fetch_add(1);
  if (page_.head().kept.load() != kept) return false;
  page_.head().latch.fetch_and(~kLatched);
  wake();
  return true;
}

void Publisher::wake() { (void)syscall(SYS_futex, &page_.head().word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0); }

}  // namespace notaus::page
