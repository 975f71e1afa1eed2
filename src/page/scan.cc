#include "page/scan.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <memory>

#include "page/record.h"
#include "page/spool.h"

namespace notaus::page {
namespace {

// A copy of part of a slot file. The layouts have atomics in them, which copy as the bytes they are.
template <class T>
Result<> read_part(int fd, std::size_t offset, T& into) {
  static_assert(std::is_standard_layout_v<T>);
  return read_at(fd, static_cast<void*>(&into), sizeof into, offset);
}

template <class T>
Result<T> read_part(int fd, std::size_t offset) {
  T out{};
  if (auto read = read_part(fd, offset, out); !read) return std::unexpected(read.error());
  return out;
}

Trouble unreadable(int fd, const std::string& path) {
  const char* remedy = owned(fd) ? "end the process that owns it" : "nobody owns it, delete it";
  return {Kind::unsupported, path + ": not a slot file of this version; " + remedy};
}

Result<Fd> open_slots(const StateDir& state, const std::string& process) {
  std::string path = state.slots() + "/" + process;
  auto fd = open_file(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!fd) return fd;
  struct stat file{};
  if (fstat(fd->get(), &file) != 0 || !S_ISREG(file.st_mode)) return trouble(Kind::broken, path + ": not a file");
  if (file.st_size != off_t{sizeof(SlotsFile)}) return std::unexpected(unreadable(fd->get(), path));
  return fd;
}

constexpr std::size_t word_at(std::uint32_t slot) { return offsetof(SlotsFile, words) + slot * sizeof(Word); }
constexpr std::size_t entry_at(std::uint32_t slot) { return offsetof(SlotsFile, entries) + slot * sizeof(Entry); }

Result<std::uint64_t> read_word(int fd, std::uint32_t slot) { return read_part<std::uint64_t>(fd, word_at(slot)); }

// A copy of one ring cell; nothing if it is being written.
struct Told {
  SeenCall call;
  Fact fact;
  std::uint64_t page_word;  // when it was told
  Moment at;
};
std::optional<Told> told_by(const Cell& cell, const Cell& again, const std::string& process, std::uint64_t position) {
  if (std::memcmp(static_cast<const void*>(&cell), static_cast<const void*>(&again), sizeof cell) != 0) return std::nullopt;
  if (cell.turn.load() != position + 1) return std::nullopt;
  return Told{{process, cell.slot, cell.call, cell.entry, static_cast<Outcome>(cell.outcome)}, cell.fact, cell.word, cell.at};
}

// The youngest cells are asked for the most, so some are read at once; a part of the ring that does not end with it.
constexpr std::uint64_t kCellsAtOnce = 32;
static_assert(kCells % kCellsAtOnce == 0);
using Cells = std::array<Cell, kCellsAtOnce>;

std::uint64_t head_of_ring(int fd) { return read_part<std::uint64_t>(fd, offsetof(SlotsFile, head.head)).value_or(0); }

// What a ring tells, youngest first, whether or not it is in the spool by now. False: enough.
template <class Take>
void each_told(int fd, const std::string& process, std::uint64_t head, Take take) {
  const auto cells = std::make_unique<Cells>(), again = std::make_unique<Cells>();
  std::uint64_t here = ~std::uint64_t{0};  // which part they are of
  for (std::uint64_t at = head; at > 0 && head - at < kCells; --at) {
    const std::uint64_t position = at - 1, part = position / kCellsAtOnce;
    const std::size_t offset = offsetof(SlotsFile, cells) + position % kCells / kCellsAtOnce * sizeof(Cells);
    if (part != here && (!read_part(fd, offset, *cells) || !read_part(fd, offset, *again))) return;
    here = part;
    const std::size_t in_part = position % kCellsAtOnce;
    if (auto told = told_by((*cells)[in_part], (*again)[in_part], process, position); told && !take(*told)) return;
  }
}

// Calls that were admitted before the flip and ended after it: at the ring's young end, since they ended just now. Refused: one
// found the ring full, or the ring has turned over since, so there may have been more.
Result<std::vector<SeenCall>> just_ended(int fd, const std::string& process, std::uint64_t flipped) {
  std::vector<SeenCall> out;
  SlotsHead now{};  // after the words: what has ended since then is in the ring
  if (auto read = read_part(fd, 0, now); !read) return std::unexpected(read.error());
  constexpr int kOlder = 32;  // threads that come late with theirs are fewer
  int older = 0;
  each_told(fd, process, now.head.load(), [&](Told& told) {
    if (told.page_word < flipped) ++older;
    if (told.fact == Fact::ended && told.page_word >= flipped && told.call.entry.word < flipped)
      out.push_back(std::move(told.call));
    return older < kOlder;
  });
  if (now.missed.load() >= flipped || (now.head.load() >= kCells && older < kOlder))
    return trouble(Kind::refused,
                   process + ": more calls have ended than it could record; the list of what was in flight is not complete");
  return out;
}

// The call in `slot`, read until its word stood still, so that two calls are never blended. Nothing: it has ended meanwhile, and the
// ring tells of it if the flip found it in flight.
Result<std::optional<SeenCall>> read_call(int fd, const std::string& process, std::uint32_t slot, std::uint64_t word) {
  SlotState state = state_of(word);
  if (state == SlotState::free || state == SlotState::reserved) return std::nullopt;
  auto entry = read_part<Entry>(fd, entry_at(slot));
  auto again = read_word(fd, slot);
  if (!entry || !again) return trouble(Kind::broken, "a slot file ends too early");
  if (generation_of(*again) != generation_of(word)) return std::nullopt;
  return SeenCall{process, slot, slot_word(generation_of(word), SlotState::active), *entry,
                  state == SlotState::active ? Outcome::running : outcome_of(word)};
}

bool unlinked(int fd) {
  struct stat file{};
  return fstat(fd, &file) == 0 && file.st_nlink == 0;
}

Result<> fill(const StateDir& state, SeenPoint& point, std::uint64_t flipped) {
  auto fd = open_slots(state, point.process);
  if (!fd) return std::unexpected(fd.error());
  point.alive = owned(fd->get());
  point.left = !point.alive && unlinked(fd->get());  // so it does first, and then it lets go of its lock
  SlotsHead head{};
  if (auto read = read_part(fd->get(), 0, head); !read) return read;
  if (head.magic == 0 && point.alive) return {};  // just being made: it has no call yet, and will see the flip
  if (head.magic != kSlotsMagic || head.version != kPageVersion)
    return std::unexpected(unreadable(fd->get(), state.slots() + "/" + point.process));
  point.name = get_name(head.name);
  point.tenant = get_name(head.tenant);
  point.agent = get_name(head.agent);
  point.started_ms = head.started;
  point.page_id = head.page_id;
  point.pid = head.pid;
  point.admission_only = head.admission_only != 0;
  point.rounds = head.rounds.load();
  point.sentinel = head.sentinel.load() != 0;
  auto words = read_part<std::array<std::uint64_t, kSlots>>(fd->get(), offsetof(SlotsFile, words));
  if (!words) return std::unexpected(words.error());
  auto high = static_cast<std::uint32_t>(std::min<std::uint64_t>(head.high.load(), kSlots));
  for (std::uint32_t slot = 0; slot < high; ++slot) {
    auto call = read_call(fd->get(), point.process, slot, (*words)[slot]);
    if (!call) return std::unexpected(call.error());
    if (*call) point.calls.push_back(**call);
  }
  if (flipped == 0) return {};
  auto ended = just_ended(fd->get(), point.process, flipped);
  if (!ended) return std::unexpected(ended.error());
  for (SeenCall& call : *ended) {
    bool listed =
        std::ranges::any_of(point.calls, [&](const SeenCall& seen) { return seen.slot == call.slot && seen.word == call.word; });
    if (!listed) point.calls.push_back(std::move(call));
  }
  return {};
}

// Of a call that was denied, the fact says so: it was seen when it had asked and was not answered yet.
std::optional<Outcome> outcome_in_ring(int fd, const SeenCall& call) {
  std::optional<Outcome> out;
  each_told(fd, call.process, head_of_ring(fd), [&](const Told& told) {
    if (told.call.slot == call.slot && told.call.word == call.word)
      out = told.fact == Fact::blocked ? Outcome::not_sent : told.call.outcome;
    return !out;
  });
  return out;
}

// What a record of a call says of its end. A record begins with its kind (core/record.h).
std::optional<Outcome> outcome_told(const std::string& record) {
  if (record.starts_with(R"({"kind":"blocked",)")) return Outcome::not_sent;
  for (Outcome outcome : {Outcome::done, Outcome::not_sent, Outcome::unknown})
    if (record.contains("\"outcome\":\"" + std::string(core::text(outcome)) + "\"")) return outcome;
  return std::nullopt;
}

std::optional<Outcome> outcome_in_spool(const StateDir& state, const SeenCall& call) {
  const std::string wanted = "\"call\":\"" + call.id() + "\"";
  for (Segment& segment : list_segments(state)) {
    if (segment.process != call.process || !read_segment(segment, 0)) continue;
    for (const SpoolRecord& record : segment.records)
      if (record.json.contains(wanted))
        if (auto told = outcome_told(record.json)) return told;
  }
  return std::nullopt;
}

std::vector<std::string> list_slot_files(const StateDir& state, std::error_code& error) {
  std::vector<std::string> out;
  for (std::filesystem::directory_iterator file(state.slots(), error), end; !error && file != end; file.increment(error)) {
    std::string name = file->path().filename().string();
    if (!name.starts_with('.')) out.push_back(std::move(name));  // else a draft: see make_file
  }
  std::ranges::sort(out);
  return out;
}

}  // namespace

std::string SeenCall::id() const { return call_id(process, slot, word); }

std::vector<std::string> slot_files(const StateDir& state) {
  std::error_code error;
  return list_slot_files(state, error);
}

std::vector<SeenPoint> scan(const StateDir& state, std::uint64_t flipped) {
  std::vector<SeenPoint> out;
  std::error_code error;
  for (std::string& process : list_slot_files(state, error)) {
    SeenPoint point;
    point.process = std::move(process);
    auto read = fill(state, point, flipped);
    if (!read && read.error().kind == Kind::gone) continue;  // left in order since the listing
    if (!read) point.trouble = read.error().what;
    out.push_back(std::move(point));
  }
  if (error && error != std::errc::no_such_file_or_directory)  // nobody to be seen is not nobody there
    out.emplace_back().trouble = state.slots() + ": " + error.message();
  return out;
}

std::vector<EndedCall> ended_in_ring(const StateDir& state, const std::string& process) {
  std::vector<EndedCall> out;
  auto fd = open_slots(state, process);
  if (!fd) return out;
  each_told(fd->get(), process, head_of_ring(fd->get()), [&](Told& told) {
    if (told.fact == Fact::ended) out.push_back({std::move(told.call), told.at});
    return true;
  });
  return out;
}

std::vector<Entry> recent_calls(const StateDir& state, const std::vector<SeenPoint>& points) {
  std::vector<Entry> out;
  for (const SeenPoint& point : points) {
    if (!point.alive) continue;
    bool alive = false;
    auto file = read_slots(state, point.process, alive);
    if (!file) continue;
    for (const Entry& entry : (*file)->entries)
      if (entry.tenant.size != 0 || entry.agent.size != 0 || entry.tool.size != 0) out.push_back(entry);
  }
  return out;
}

Outcome outcome_now(const StateDir& state, const SeenCall& call) {
  if (call.outcome != Outcome::running) return call.outcome;
  auto fd = open_slots(state, call.process);
  const bool alive = fd && owned(fd->get());
  if (alive) {
    auto word = read_word(fd->get(), call.slot);
    if (word && generation_of(*word) == generation_of(call.word)) {
      if (state_of(*word) == SlotState::active) return Outcome::running;
      if (outcome_of(*word) != Outcome::running) return outcome_of(*word);
    }
  }
  if (fd)
    if (auto ended = outcome_in_ring(fd->get(), call)) return *ended;
  return outcome_in_spool(state, call).value_or(Outcome::unknown);
}

Result<std::unique_ptr<SlotsFile>> read_slots(const StateDir& state, const std::string& process, bool& alive) {
  auto fd = open_slots(state, process);
  if (!fd) return std::unexpected(fd.error());
  alive = owned(fd->get());
  auto file = std::make_unique<SlotsFile>();
  if (auto read = read_at(fd->get(), file.get(), sizeof(SlotsFile), 0); !read) return std::unexpected(read.error());
  if (file->head.magic != kSlotsMagic || file->head.version != kPageVersion)
    return std::unexpected(unreadable(fd->get(), state.slots() + "/" + process));
  return file;
}

}  // namespace notaus::page
