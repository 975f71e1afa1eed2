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

#include "base/boot.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/must.h"

namespace notaus::page {
namespace {

void write_image(std::byte* half, std::uint64_t sequence, const std::vector<std::uint64_t>& image) {
  // Relaxed atomic words: a guard that is two flips late may be reading them. By the fence it will find that the word has moved, see
  // LivePage::shows().
  auto& head = *reinterpret_cast<HalfHead*>(half);
  head.sequence.store(0, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_release);
  for (std::size_t i = 0; i < image.size(); ++i) store(half + kHalfHead + i * 8, image[i]);
  head.sequence.store(sequence, std::memory_order_release);
}

void wake_all(Word& word) { (void)syscall(SYS_futex, &word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0); }

// What its latch said at that moment. Whoever sets it later finds it retired.
std::uint64_t retire(const StateDir& state) {
  auto old = LivePage::open(state, Access::write);
  if (!old) return 0;
  const std::uint64_t latch = old->head().latch.fetch_or(kRetired);
  wake_all(old->head().latch);
  return latch;
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

bool Publisher::sound() const {
  return page_.steadily([&](std::uint64_t word) { return page_.verify(word).has_value(); });
}

Result<Publisher> Publisher::replace(const StateDir& state, const PageLock&, const core::State& initial) {
  if (auto made = make_directories(state); !made) return std::unexpected(made.error());
  const std::string path = state.page() + ".next";  // seen by nobody until it is whole: a full disk or a kill changes nothing
  if (unlink(path.c_str()) != 0 && errno != ENOENT) return std::unexpected(os_trouble(path, errno));
  auto fd = make_file(path, kPageSize, 0644);
  if (!fd) return std::unexpected(fd.error());
  PageHead head{};
  head.magic = kPageMagic;
  head.version = kPageVersion;
  head.half_size = kHalfSize;
  head.page_id = random_u64();
  head.time_namespace = time_namespace();
  boot_id().copy(head.boot_id, sizeof head.boot_id - 1);
  if (auto wrote = write_at(fd->get(), &head, offsetof(PageHead, pad0), 0); !wrote) return std::unexpected(wrote.error().in(path));
  auto page = LivePage::open(state, path, Access::write);
  if (!page) return trouble(Kind::broken, page.error().what);
  Publisher publisher(*std::move(page));
  if (auto flipped = publisher.flip(initial); !flipped) return std::unexpected(flipped.error());
  const bool latched = denies(retire(state) & ~kRetired);
  if (latched) publisher.latch();
  if (rename(path.c_str(), state.page().c_str()) != 0) return std::unexpected(os_trouble(state.page(), errno));
  return publisher;
}

Result<core::State> Publisher::current() const {
  return page_.steadily([&](std::uint64_t word) {
    auto snapshot = page_.verify(word);
    return snapshot ? Result<core::State>(snapshot->state()) : std::unexpected(snapshot.error());
  });
}

Result<core::State> Publisher::publish(const PageLock&, core::State next) {
  if (auto now = current(); now && now->epoch == next.epoch) must(next.revision >= now->revision, next.revision, now->revision);
  return flip(std::move(next));
}

Result<core::State> Publisher::add_local(const PageLock&, core::Stop stop) {
  auto state = current();
  if (!state) return state;
  stop.local = true;
  state->stops.push_back(stop);
  if (auto flipped = flip(*state)) return flipped;
  // It does not fit: stop more rather than less, with a record that is sure to be small.
  auto& small = state->stops.back();
  small.selector = {};
  small.mode = core::Mode::stop_all;
  small.reason = "the page is full: stopped everything instead";
  small.grace.reset();  // and ends nothing that it was not meant for
  for (auto& other : state->stops) other.reason = other.id == small.id ? other.reason : "";
  return flip(*std::move(state));
}

Result<core::State> Publisher::drop_local(const PageLock&, const std::string& id) {
  auto state = current();
  if (!state || std::erase_if(state->stops, [&](const core::Stop& stop) { return stop.local && stop.id == id; }) == 0) return state;
  return flip(*std::move(state));
}

Result<core::State> Publisher::flip(core::State state) {
  // From when it first stands on this host: the clocks of hosts are not compared.
  for (core::Stop& stop : state.stops)
    if (stop.grace && stop.cancel_at.ns == 0) stop.cancel_at = {boot_now().ns + std::chrono::nanoseconds(*stop.grace).count()};
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
  return state;
}

std::uint64_t Publisher::latch() {
  const std::uint64_t set = page_.head().latch.fetch_add(kOneStop) + kOneStop;
  wake_all(page_.head().latch);
  return set;
}

bool Publisher::keep(std::uint64_t set) {
  std::uint64_t now = latch_word();
  while (lifts_of(now) == lifts_of(set) && (now & kRetired) == 0)
    if (page_.head().latch.compare_exchange_weak(now, now + kOneStop)) return true;
  return false;
}

bool Publisher::unlatch(const PageLock&, std::uint64_t seen) {
  const std::uint64_t lifted = (lifts_of(seen) + 1) * kOneLift | (seen & kRetired);
  if (!page_.head().latch.compare_exchange_strong(seen, lifted)) return false;
  wake_all(page_.head().latch);
  return true;
}

void Publisher::wake() { wake_all(page_.head().word); }

}  // namespace notaus::page
