#include "audit/wal.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>

namespace notaus::audit {
namespace {

constexpr std::uint64_t kMagic = 0x3146'4741'5553'544e;  // "NTSUAGF1"
constexpr std::size_t kReadMax = 64 << 20;

struct Head {
  std::uint64_t magic;
  std::uint64_t bytes;  // of the body, a multiple of 8
  std::uint64_t sum;    // of the body
  std::uint64_t size;
};
static_assert(sizeof(Head) == 32);

void put(std::string& out, std::string_view text) {
  const std::uint64_t size = text.size();
  out.append(reinterpret_cast<const char*>(&size), sizeof size);
  out += text;
}

std::optional<std::string> take(std::string_view& from) {
  std::uint64_t size = 0;
  if (from.size() < sizeof size) return std::nullopt;
  std::memcpy(&size, from.data(), sizeof size);
  from.remove_prefix(sizeof size);
  if (size > from.size()) return std::nullopt;
  std::string out(from.substr(0, size));
  from.remove_prefix(size);
  return out;
}

std::uint64_t sum_of(std::string_view body, std::uint64_t size) { return checksum(std::as_bytes(std::span(body)), size); }

std::string encode(const Frame& frame) {
  std::string out;
  out.reserve(sizeof(Head) + frame.entries.size() + frame.cursor.size() + (16 << 10));
  out.resize(sizeof(Head));
  for (const std::string* part : {&frame.boot, &frame.checkpoint, &frame.cursor, &frame.entries}) put(out, *part);
  for (const std::string& level : frame.upper) put(out, level);
  while (out.size() % 8 != 0) out += '\0';  // fewer than a length, so no part
  const std::string_view body = std::string_view(out).substr(sizeof(Head));
  const Head head{kMagic, body.size(), sum_of(body, frame.size), frame.size};
  std::memcpy(out.data(), &head, sizeof head);
  return out;
}

std::optional<Frame> decode(std::string_view& from) {
  Head head{};
  if (from.size() < sizeof head) return std::nullopt;
  std::memcpy(&head, from.data(), sizeof head);
  if (head.magic != kMagic || head.bytes > from.size() - sizeof head || head.bytes % 8 != 0) return std::nullopt;
  const std::string body(from.substr(sizeof head, head.bytes));
  if (sum_of(body, head.size) != head.sum) return std::nullopt;
  Frame out{.size = head.size};
  std::string_view rest = body;
  for (std::string* part : {&out.boot, &out.checkpoint, &out.cursor, &out.entries}) {
    auto text = take(rest);
    if (!text) return std::nullopt;
    *part = *std::move(text);
  }
  while (auto level = take(rest)) out.upper.push_back(*std::move(level));
  from.remove_prefix(sizeof head + head.bytes);
  return out;
}

}  // namespace

Trouble unreadable(Trouble why) {
  if (why.kind == Kind::broken) why.kind = Kind::retry;
  return why;
}

Result<> sync_directory(const std::string& path) {
  auto fd = open_file(path, O_RDONLY | O_DIRECTORY);
  if (!fd) return std::unexpected(fd.error());
  if (fsync(fd->get()) != 0) return std::unexpected(os_trouble(path, errno));
  return {};
}

Result<Segment> Segment::make(const std::string& path, const Frame& first) {
  auto file = open_file(path, O_RDWR | O_CREAT | O_EXCL, 0600);
  if (!file) return std::unexpected(file.error());
  Segment out(path, *std::move(file), 0);
  auto made = out.append(first);
  if (made) made = sync_directory(std::filesystem::path(path).parent_path());
  if (made) return out;
  unlink(path.c_str());
  return std::unexpected(made.error());
}

Result<Segment::Found> Segment::open(const std::string& path, int flags) {
  auto bytes = read_file(path, kReadMax);
  if (!bytes) return std::unexpected(unreadable(bytes.error()));
  auto file = open_file(path, flags);
  if (!file) return std::unexpected(unreadable(file.error()));
  std::vector<Frame> frames;
  std::string_view rest = *bytes;
  while (auto frame = decode(rest)) frames.push_back(*std::move(frame));
  if (frames.empty()) return trouble(Kind::broken, path + ": its beginning is damaged");
  return Found{Segment(path, *std::move(file), bytes->size() - rest.size()), std::move(frames), rest.size()};
}

// Somebody may have removed or replaced it: what is written to a file that has no name is lost with us.
Result<> Segment::still_there() const {
  struct stat ours{}, named{};
  if (fstat(file_.get(), &ours) != 0) return std::unexpected(os_trouble(path_, errno));
  if (stat(path_.c_str(), &named) != 0) return std::unexpected(os_trouble(path_, errno));
  if (ours.st_ino != named.st_ino || ours.st_dev != named.st_dev) return trouble(Kind::gone, path_ + ": another file has its name");
  return {};
}

Result<> Segment::append(const Frame& frame) {
  if (auto there = still_there(); !there) return there;
  const std::string bytes = encode(frame);
  auto wrote = ftruncate(file_.get(), static_cast<off_t>(end_)) == 0 ? write_at(file_.get(), bytes.data(), bytes.size(), end_)
                                                                     : std::unexpected(os_trouble("truncate", errno));
  if (wrote && fdatasync(file_.get()) != 0) wrote = std::unexpected(os_trouble("fdatasync", errno));
  if (!wrote) {
    (void)!ftruncate(file_.get(), static_cast<off_t>(end_));  // else what was not acknowledged might be read as logged
    return std::unexpected(wrote.error().in(path_));
  }
  end_ += bytes.size();
  return {};
}

}  // namespace notaus::audit
