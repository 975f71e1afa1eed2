#include "audit/log.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <thread>

#include <fmt/format.h>

#include "audit/entry.h"
#include "audit/index.h"
#include "base/boot.h"
#include "base/json.h"

namespace notaus::audit {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kSegmentMax = 1 << 20;    // whoever opens the log reads all of it
constexpr std::uint64_t kSegmentFull = 16 << 20;  // more than a segment may ever have: the files that follow cannot be written

Result<Fd> take_lock(const std::string& path, std::chrono::milliseconds patience) {
  auto lock = open_file(path, O_RDWR | O_CREAT, 0600);
  const auto give_up = std::chrono::steady_clock::now() + patience;
  while (lock && flock(lock->get(), LOCK_EX | LOCK_NB) != 0) {
    if (std::chrono::steady_clock::now() >= give_up) return trouble(Kind::retry, path + ": another process is writing the log");
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return lock;
}

Result<> put_tile(const std::string& path, const std::string& bytes) {
  auto put = put_file(path, bytes, Keep::as_it_comes);
  if (put || put.error().kind != Kind::gone) return put;
  std::error_code error;
  fs::create_directories(fs::path(path).parent_path(), error);
  return put_file(path, bytes, Keep::as_it_comes);
}

// About what their entries take.
std::size_t bytes_for(const std::vector<Record>& records, const std::string& host) {
  std::size_t out = 0;
  for (const Record& record : records) out += record.json.size() + host.size() + 40;
  return out;
}

// Narrower states of a tile are kept until it is full: a client that holds an older checkpoint may ask for one.
void remove_partials(const std::string& full) {
  std::error_code error;
  fs::remove_all(full + ".p", error);
}

}  // namespace

Result<Log> Log::open(const Place& place, std::chrono::milliseconds patience) {
  if (mkdir(place.directory.c_str(), 0750) != 0 && errno != EEXIST) return std::unexpected(os_trouble(place.directory, errno));
  auto lock = take_lock(place.directory + "/lock", patience);
  if (!lock) return std::unexpected(lock.error());
  Log log(place, *std::move(lock));
  if (auto taken = log.take_up(); !taken) return std::unexpected(taken.error());
  return log;
}

Result<> Log::append(const std::vector<Record>& records) {
  if (records.empty()) return {};
  if (gone_) return trouble(Kind::gone, place_.directory + ": the log was removed or replaced while it was written");
  const bool usable = segment_ && segment_->bytes() < kSegmentFull;
  if (auto next = usable ? Result<>{} : next_segment(); !next) return next;
  Edge edge = edge_;
  Cursor cursor = cursor_;
  Files files;
  Frame frame{.boot = boot_id()};
  frame.entries.reserve(bytes_for(records, place_.host));
  std::string entry;
  const std::string host = json_string(place_.host);
  for (const Record& record : records) {
    make_entry(entry, edge.tree().size(), host, record.json);
    add_entry(frame.entries, entry);
    edge.append(entry, files);
    cursor.advance(record.source);
    cursor.count(record.json);
  }
  auto checkpoint = sign_root(edge.tree());
  if (!checkpoint) return std::unexpected(checkpoint.error());
  frame.size = edge.tree().size();
  frame.checkpoint = *checkpoint;
  frame.cursor = cursor.text();
  if (auto written = write_ahead(frame); !written) return written;
  add_to_index(edge.tree().size() / kTileWidth, files);
  edge_ = std::move(edge);
  cursor_ = std::move(cursor);
  checkpoint_ = *std::move(checkpoint);
  files.merge(unwritten_);
  edge_.add_partial(files);
  unwritten_ = std::move(files);
  (void)publish();  // what cannot be written now is written with the next append, or made again by the next open()
  return {};
}

// The bundles that are full since, up to number `end`.
void Log::add_to_index(std::uint64_t end, const Files& full) const {
  std::vector<IndexRow> rows;
  for (std::uint64_t bundle = size() / kTileWidth; bundle < end; ++bundle)
    if (auto entries = entries_in(full.at(entries_path(bundle)))) rows.push_back(index_row(bundle, *entries));
  if (!rows.empty()) add_rows(place_.directory, signer_.name, rows);
}

Result<std::string> Log::sign_root(const Tree& tree) const {
  return sign_note(signer_, Checkpoint{signer_.name, tree.size(), tree.root()}.text());
}

// A segment that has failed once is not trusted again; the next one is tried at once.
Result<> Log::write_ahead(const Frame& frame) {
  auto written = segment_->append(frame);
  gone_ = !written && written.error().kind == Kind::gone;
  if (written || gone_) return written;
  if (next_segment()) written = segment_->append(frame);
  if (written) return written;
  (void)rename(segment_->path().c_str(), (segment_->path() + std::string(kCondemned)).c_str());
  segment_.reset();
  return written;
}

// Tiles before the checkpoint that speaks of them, so that a reader finds what it promises.
Result<> Log::publish() {
  while (!unwritten_.empty()) {
    const auto& [name, bytes] = *unwritten_.begin();
    if (auto put = put_tile(path(name), bytes); !put) return put;
    if (!is_partial(name)) remove_partials(path(name));
    unwritten_.erase(unwritten_.begin());
  }
  if (auto put = put_file(path("checkpoint"), checkpoint_, Keep::as_it_comes); !put) return put;
  (void)put_file(place_.seen, checkpoint_, Keep::as_it_comes);
  return {};
}

Result<> Log::settle() {
  if (segment_ && segment_->bytes() < kSegmentMax) return {};
  return next_segment();
}

Frame Log::first_frame() const {
  Frame out{.size = size(), .boot = boot_id(), .checkpoint = checkpoint_, .cursor = cursor_.text(), .entries = edge_.open_bundle()};
  for (const auto& level : std::span(edge_.tree().edge()).subspan(edge_.tree().edge().empty() ? 0 : 1))
    out.upper.push_back(tile_bytes(level));
  return out;
}

// The new segment begins where the files stand, so they must be durable before the old one goes.
Result<> Log::next_segment() {
  if (auto published = publish(); !published) return published;
  // Through a descriptor from before anything was written: it tells of every write that failed since.
  if (syncfs(lock_.get()) != 0) return std::unexpected(os_trouble(place_.directory, errno));
  const auto before = list_segments(place_.directory);
  if (!before) return std::unexpected(before.error());
  if (auto made = make_segment(before->empty() ? 1 : number_of(before->front()) + 1); !made) return made;
  for (const std::string& path : *before) unlink(path.c_str());
  return {};
}

Result<> Log::make_segment(std::uint64_t number) {
  auto made = Segment::make(segment_path(place_.directory, number), first_frame());
  if (!made) return std::unexpected(made.error());
  segment_ = *std::move(made);
  return {};
}

}  // namespace notaus::audit
