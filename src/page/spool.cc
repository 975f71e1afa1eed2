#include "page/spool.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>

#include "base/bytes.h"

namespace notaus::page {
namespace {

constexpr std::uint64_t kMagic = 0x324c'4f4f'5053'544eu;  // "NTSPOOL2"

struct SegmentHead {
  std::uint64_t magic;
  std::uint64_t closed;
  char pad[48];
};
static_assert(sizeof(SegmentHead) == 64);

struct RecordHead {
  std::uint32_t size;  // of the JSON; it is padded to whole words
  std::uint32_t sum;   // of the JSON's padded words
  Mark mark;
};
static_assert(sizeof(RecordHead) == 24);

std::string padded(std::string_view json) {
  std::string words(json);
  words.resize((json.size() + 7) / 8 * 8, '\0');
  return words;
}

std::uint32_t sum_of(const std::string& words, const Mark& mark) {
  const std::uint64_t seed = mark.upto ^ std::uint64_t{mark.number} << 56 ^ std::uint64_t(mark.of) << 48;
  return static_cast<std::uint32_t>(checksum(std::as_bytes(std::span(words)), seed));
}

// Where a record that begins at `at` ends, as its head says; its head's end, if there is no record.
std::uint64_t end_of(const std::string& bytes, std::uint64_t at, RecordHead& head) {
  if (at + sizeof head > bytes.size()) return at + sizeof head;
  std::memcpy(&head, bytes.data() + at, sizeof head);
  return at + sizeof head + (std::uint64_t{head.size} + 7) / 8 * 8;
}

// The whole records of a segment's first bytes from `at` on. Where they end: there is none, or not all of it is in `bytes`.
std::uint64_t walk(const std::string& bytes, std::uint64_t at, std::vector<SpoolRecord>& records) {
  RecordHead head{};
  for (std::uint64_t end; at % 8 == 0 && (end = end_of(bytes, at, head)) <= bytes.size() && head.size != 0; at = end) {
    alignas(8) std::string words = bytes.substr(at + sizeof head, end - at - sizeof head);
    if (sum_of(words, head.mark) != head.sum) break;
    records.push_back({words.substr(0, head.size), head.mark});
  }
  return at;
}

Result<> read_up_to(int fd, std::string& bytes, std::size_t size) {
  const std::size_t had = bytes.size();
  bytes.resize(size);
  return read_at(fd, bytes.data() + had, size - had, had);
}

}  // namespace

Result<> Spool::append(std::string_view json, Mark mark) {
  std::string words = padded(json);
  const std::uint64_t size = sizeof(RecordHead) + words.size();
  if (size > kSegmentSize - sizeof(SegmentHead)) return trouble(Kind::refused, "a record is larger than a spool's segment");
  if (!fd_ || at_ + size > kSegmentSize)
    if (auto next = next_segment(); !next) return next;
  RecordHead head{static_cast<std::uint32_t>(json.size()), sum_of(words, mark), mark};
  std::string record(reinterpret_cast<const char*>(&head), sizeof head);
  if (auto wrote = write_at(fd_.get(), (record + words).data(), size, at_); !wrote) return wrote;
  at_ += size;
  return {};
}

Result<> Spool::next_segment() {
  auto stands = [this](std::uint64_t n) { return access(fmt::format("{}/{}.{}", state_.spool(), process_, n).c_str(), F_OK) == 0; };
  while (oldest_ <= number_ && !stands(oldest_)) ++oldest_;  // most of all that there ever were, so these are not asked for again
  std::size_t standing = 0;
  for (std::uint64_t n = oldest_; n <= number_; ++n) standing += stands(n);
  if (standing >= kSegments) return trouble(Kind::refused, "the spool is full");
  std::string path = fmt::format("{}/{}.{}", state_.spool(), process_, number_ + 1);
  auto fd = make_file(path, kSegmentSize, 0640, Lock::owner);
  if (!fd) return std::unexpected(fd.error());
  SegmentHead head{kMagic, 0, {}};
  if (auto wrote = write_at(fd->get(), &head, sizeof head, 0); !wrote) return wrote;
  close();
  fd_ = *std::move(fd);
  ++number_;
  at_ = sizeof head;
  return {};
}

void Spool::close() {
  if (!fd_) return;
  SegmentHead head{kMagic, 1, {}};
  (void)write_at(fd_.get(), &head, sizeof head, 0);
  fd_ = Fd();
}

std::vector<Segment> list_segments(const StateDir& state) {
  std::vector<Segment> out;
  std::error_code error;
  for (const auto& file : std::filesystem::directory_iterator(state.spool(), error)) {
    Segment segment;
    segment.path = file.path().string();
    segment.name = file.path().filename().string();
    std::size_t dot = segment.name.rfind('.');
    if (dot == std::string::npos || dot == 0) continue;
    segment.process = segment.name.substr(0, dot);
    const char* digits = segment.name.data() + dot + 1;
    const char* end = segment.name.data() + segment.name.size();
    if (std::from_chars(digits, end, segment.number).ptr == end) out.push_back(std::move(segment));
  }
  std::ranges::sort(
      out, [](const Segment& a, const Segment& b) { return std::tie(a.process, a.number) < std::tie(b.process, b.number); });
  return out;
}

Result<> read_segment(Segment& segment, std::uint64_t from) {
  auto fd = open_file(segment.path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!fd) return std::unexpected(fd.error());
  struct stat file{};
  if (fstat(fd->get(), &file) != 0 || !S_ISREG(file.st_mode) || file.st_size != off_t{kSegmentSize})
    return trouble(Kind::broken, segment.path + ": not a spool segment");
  segment.owned = owned(fd->get());  // asked first: what a process wrote before it died is then all read
  constexpr std::size_t kPiece = 16 << 10;  // most segments hold little, and a stop may have to read hundreds
  std::string bytes;
  if (auto read = read_up_to(fd->get(), bytes, kPiece); !read) return read;
  SegmentHead start{};
  std::memcpy(&start, bytes.data(), sizeof start);
  if (start.magic != kMagic && segment.owned) return {};  // just being made
  if (start.magic != kMagic)
    if (auto read = read_up_to(fd->get(), bytes, kSegmentSize); !read) return read;
  if (std::ranges::all_of(bytes, [](char byte) { return byte == '\0'; })) {  // its process died before it wrote anything
    segment.end = sizeof start;
    return {};
  }
  if (start.magic != kMagic) return trouble(Kind::broken, segment.path + ": not a spool segment of this version");
  segment.closed = start.closed != 0;
  segment.end = walk(bytes, from == 0 ? sizeof start : from, segment.records);
  for (RecordHead head{}; bytes.size() < kSegmentSize && end_of(bytes, segment.end, head) > bytes.size();) {
    if (auto read = read_up_to(fd->get(), bytes, std::min(bytes.size() * 4, kSegmentSize)); !read) return read;
    segment.end = walk(bytes, segment.end, segment.records);
  }
  return {};
}

}  // namespace notaus::page
