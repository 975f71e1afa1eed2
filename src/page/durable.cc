#include "page/durable.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <thread>

#include "core/flat.h"
#include "core/snapshot.h"
#include "page/layout.h"

namespace notaus::page {
namespace {

constexpr std::uint64_t kMagic = 0x3153'504f'5453'544eu;  // "NTSTOPS1"

struct Head {
  std::uint64_t magic;
  std::uint64_t sequence;
  std::uint64_t checksum;  // of the two words above
  char pad[kHalfHead - 24];
};
static_assert(sizeof(Head) == kHalfHead);

struct Half {
  bool written = false;  // something other than zeros is there
  std::uint64_t sequence = 0;
  std::optional<core::State> state;  // if it is sound
};

std::uint64_t head_sum(const Head& head) { return checksum(Bytes(reinterpret_cast<const std::byte*>(&head), 16)); }

// Zeros over a head must not make its half pass for one that was never written.
bool any_written(int fd, std::size_t number) {
  std::vector<std::uint64_t> words(kHalfSize / 8);
  return read_at(fd, words.data(), kHalfSize, number * kHalfSize) &&
         std::ranges::any_of(words, [](std::uint64_t word) { return word != 0; });
}

Half read_half(int fd, std::size_t number) {
  Half half;
  struct {
    Head ours;
    core::Header image;
  } head{};
  const std::uint64_t at = number * kHalfSize;
  if (!read_at(fd, &head, sizeof head, at)) return half;
  half.written = head.ours.sequence != 0 || any_written(fd, number);
  if (head.ours.magic != kMagic || head.ours.checksum != head_sum(head.ours)) return half;
  half.sequence = head.ours.sequence;
  if (head.image.length < sizeof(core::Header) || head.image.length > kImageMax) return half;
  std::vector<std::uint64_t> words(head.image.length / 8);
  if (!read_at(fd, words.data(), words.size() * 8, at + kHalfHead)) return half;
  if (auto snapshot = core::Snapshot::open(core::bytes_of(words))) half.state = snapshot->state();
  return half;
}

std::array<Half, 2> read_both(int fd) { return {read_half(fd, 0), read_half(fd, 1)}; }

// The sound half with the highest sequence, or -1.
int newest(const std::array<Half, 2>& halves) {
  if (halves[0].state && (!halves[1].state || halves[0].sequence > halves[1].sequence)) return 0;
  return halves[1].state ? 1 : -1;
}

// The newer of the two, with what only the older one knows.
core::State merged(const core::State& kept, const core::State& stops, const std::set<std::string>& told) {
  if (kept.epoch != stops.epoch) return stops;
  const bool late = kept.revision > stops.revision;
  core::State out = late ? kept : stops;
  std::set<std::string> settled = told;
  for (const core::Stop& stop : out.stops) settled.insert(stop.id);
  for (const core::Stop& stop : (late ? stops : kept).stops)
    if (stop.local && !settled.contains(stop.id)) out.stops.push_back(stop);
  return out;
}

}  // namespace

Result<> make_durable(const StateDir& state) {
  auto fd = make_file(state.durable(), 2 * kHalfSize, 0600);
  if (!fd) return std::unexpected(fd.error());
  return {};
}

Result<Durable> read_durable(const StateDir& state) {
  auto fd = open_file(state.durable(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!fd) return std::unexpected(fd.error());
  auto halves = read_both(fd->get());
  int best = newest(halves);
  if (best < 0 && !halves[0].written && !halves[1].written)
    return trouble(Kind::gone, state.durable() + ": nothing was ever written");
  if (best < 0) return trouble(Kind::broken, state.durable() + ": both halves are damaged");
  const Half& other = halves[1 - best];
  // Behind the first write there is always one that went to the other half, even if only zeros are left of it.
  return Durable{*halves[best].state, !other.state && (other.written || halves[best].sequence > 1)};
}

Result<> write_durable(const StateDir& state, const core::State& stops, std::chrono::milliseconds patience,
                       const std::set<std::string>& told) {
  auto fd = open_file(state.durable(), O_RDWR | O_NOFOLLOW | O_NONBLOCK);
  if (!fd) return std::unexpected(fd.error());
  auto give_up = std::chrono::steady_clock::now() + patience;
  while (flock(fd->get(), LOCK_EX | LOCK_NB) != 0) {
    if (std::chrono::steady_clock::now() >= give_up)
      return trouble(Kind::retry, state.durable() + ": another process is writing it");
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  auto halves = read_both(fd->get());
  int best = newest(halves);
  auto image = core::flatten(best < 0 ? stops : merged(*halves[best].state, stops, told), kImageMax);
  if (!image) return std::unexpected(image.error());
  Head head{kMagic, std::max(halves[0].sequence, halves[1].sequence) + 1, 0, {}};
  head.checksum = head_sum(head);
  std::uint64_t at = (best == 0 ? 1u : 0u) * kHalfSize;
  auto wrote = write_at(fd->get(), image->data(), image->size() * 8, at + kHalfHead);
  if (wrote) wrote = write_at(fd->get(), &head, sizeof head, at);
  if (!wrote) return std::unexpected(wrote.error().in(state.durable()));
  // A failed fdatasync is not retried: the kernel may have dropped the pages and would then call the next one a success.
  if (fdatasync(fd->get()) != 0) return std::unexpected(os_trouble(state.durable(), errno));
  return {};
}

}  // namespace notaus::page
