// Whatever is done to a log is found, and a log to which nothing was done is sound. NOTAUS_TAMPERINGS and NOTAUS_CLEAN_LOGS say how often.
#include <fcntl.h>

#include <random>

#include "audit/test_log.h"
#include "audit/verify.h"

namespace notaus::audit {
namespace {

using Verdict = Inspection::Verdict;
using Random = std::mt19937_64;

std::uint64_t times(const char* variable, std::uint64_t otherwise) {
  const char* given = std::getenv(variable);
  return given == nullptr ? otherwise : std::strtoull(given, nullptr, 10);
}

std::size_t below(Random& random, std::size_t limit) { return static_cast<std::size_t>(random() % limit); }

// A log with full and partial tiles, part of it settled and part of it in the write-ahead segment still; and a copy as it was before.
struct Victim : TestLog {
  std::string earlier;  // its checkpoint, as the operator has it
  std::map<std::string, std::string> older;  // its files then
  std::map<std::string, std::string> files;  // and now
  explicit Victim(std::uint64_t size = 300) {
    Log log = open();
    fill(log, 100, 40);
    EXPECT_TRUE(log.settle());
    fill(log, size - 150, 50);
    earlier = log.checkpoint();
    older = evidence();
    fill(log, 50, 25);
    files = evidence();
  }
  // An earlier state of a tile, beside a later one: it is checked while it is there, and nothing depends on it.
  [[nodiscard]] bool superseded(const std::string& name) const {
    return name.contains(".p/") && name != entries_path(1, 44) && name != tile_path(0, 1, 44) && name != tile_path(1, 0, 1);
  }
  // What a writer leaves that was killed: `checkpoint` as it was before, or part of a write. The write-ahead segment has all that was
  // acknowledged, so nothing is lost, and nothing was gained.
  [[nodiscard]] bool as_after_a_kill(const std::string& name, const std::string& bytes) const {
    if (name == "checkpoint") return bytes == older.at(name);
    return name.starts_with("wal/") && bytes.starts_with(files.at(name));
  }
  [[nodiscard]] Inspection inspected() const { return verify(place.directory, earlier); }
};

std::string swapped_entries(const std::string& bundle, Random& random) {
  auto entries = *entries_in(bundle);
  std::swap(entries[below(random, entries.size())], entries[below(random, entries.size())]);
  std::string out;
  for (std::string_view entry : entries) add_entry(out, entry);
  return out;
}

// One harm to one file: its new contents, or nothing if it is removed.
std::optional<std::string> harmed(const Victim& victim, const std::string& name, Random& random, std::string& what) {
  std::string bytes = victim.files.at(name);
  const std::size_t at = below(random, bytes.size());
  switch (below(random, 8)) {
    case 0: what = "delete"; return std::nullopt;
    case 1: what = "truncate"; return bytes.substr(0, at);
    case 2: what = "insert"; return bytes.insert(at, 1, static_cast<char>(random()));
    case 3: what = "cut out"; return bytes.erase(at, 1 + below(random, 40));
    case 4: what = "append"; return bytes + static_cast<char>(random());
    case 5:
      what = "another's contents";
      return std::next(victim.files.begin(), static_cast<std::ptrdiff_t>(below(random, victim.files.size())))->second;
    case 6:
      what = "older contents";
      if (auto older = victim.older.find(name); older != victim.older.end() && !name.contains("entries")) return older->second;
      if (name.contains("entries")) return swapped_entries(bytes, random);
      [[fallthrough]];
    default:
      what = "bit";
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(random, 8)));
      return bytes;
  }
}

TEST(Tamper, EveryHarmToAnyFileIsFound) {
  Random random(std::random_device{}());
  Victim victim;
  ASSERT_EQ(victim.inspected().verdict, Verdict::sound) << victim.inspected().what;
  const std::uint64_t wanted = times("NOTAUS_TAMPERINGS", 300);
  std::map<std::string, std::uint64_t> done;
  for (std::uint64_t n = 0; n < wanted;) {
    auto file = std::next(victim.files.begin(), static_cast<std::ptrdiff_t>(below(random, victim.files.size())));
    std::string what;
    auto bytes = harmed(victim, file->first, random, what);
    if ((!bytes && victim.superseded(file->first)) || bytes == file->second) continue;
    const std::string path = victim.file(file->first);
    bytes ? put(path, *bytes) : static_cast<void>(fs::remove(path));
    const Inspection found = victim.inspected();
    put(path, file->second);
    if (bytes && victim.as_after_a_kill(file->first, *bytes)) {
      ASSERT_EQ(found.verdict, Verdict::sound) << what << " " << file->first << ": " << found.what;
      ASSERT_EQ(found.size, 300u);
      continue;
    }
    ASSERT_EQ(found.verdict, Verdict::tampered) << what << " " << file->first;
    ++done[what];
    ++n;
  }
  ASSERT_EQ(victim.inspected().verdict, Verdict::sound);  // control: it was the harm
  for (const auto& [what, count] : done) RecordProperty(what, static_cast<int>(count));
}

TEST(Tamper, TheFirstBadRecordIsNamed) {
  Victim victim;
  for (std::uint64_t bad : {0, 77, 255, 256, 299}) {
    const std::string name = bad < 256 ? entries_path(0) : entries_path(1, 44);
    std::string bytes = victim.files.at(name);
    bytes[bytes.find(fmt::format("note {}\"", bad))] = 'N';
    put(victim.file(name), bytes);
    EXPECT_EQ(victim.inspected().first_bad, bad);
    put(victim.file(name), victim.files.at(name));
  }
}

// Written anew by somebody who has the key, or makes one of the same name: sound in itself, and another log than the operator's.
TEST(Tamper, ALogThatIsWrittenAnewIsFoundByAnEarlierCheckpointAlone) {
  Victim victim;
  enum class Harm { record_changed, record_left_out, record_inserted, cut_off, signed_by_another_key };
  for (Harm harm :
       {Harm::record_changed, Harm::record_left_out, Harm::record_inserted, Harm::cut_off, Harm::signed_by_another_key}) {
    TestLog forged;
    fs::create_directories(forged.place.directory);
    Signer signer = *parse_signer(contents(victim.file("key")).substr(0, contents(victim.file("key")).size() - 1));
    if (harm == Harm::signed_by_another_key) signer.key = *make_signing_key();
    put(forged.file("key"), signer.text() + "\n");
    Log log = forged.open();
    for (std::uint64_t n = 0; n < (harm == Harm::cut_off ? 200u : 300u); ++n) {
      if (harm == Harm::record_left_out && n == 120) continue;
      if (harm == Harm::record_inserted && n == 120) ASSERT_TRUE(log.append({{R"({"kind":"note","text":"new"})"}}));
      const bool changed = harm == Harm::record_changed && n == 120;
      ASSERT_TRUE(log.append({{fmt::format(R"({{"kind":"note","text":"note {}"}})", changed ? 0 : n)}}));
    }
    EXPECT_EQ(verify(forged.place.directory, "").verdict, Verdict::sound);  // control, and what no verifier can know
    EXPECT_EQ(verify(forged.place.directory, victim.earlier).verdict, Verdict::tampered) << static_cast<int>(harm);
    EXPECT_EQ(verify(forged.place.directory, ticket_text(victim.earlier)).verdict, Verdict::tampered) << static_cast<int>(harm);
  }
}

TEST(Tamper, AnOlderCopyOfTheWholeLogIsFoundByALaterCheckpointAlone) {
  Victim victim;
  const std::string last = contents(victim.file("checkpoint"));
  for (const auto& [name, bytes] : victim.files) fs::remove(victim.file(name));
  for (const auto& [name, bytes] : victim.older) {
    fs::create_directories(fs::path(victim.file(name)).parent_path());
    put(victim.file(name), bytes);
  }
  EXPECT_EQ(verify(victim.place.directory, "").verdict, Verdict::sound);
  EXPECT_EQ(verify(victim.place.directory, victim.earlier).verdict, Verdict::sound);
  const Inspection found = verify(victim.place.directory, last);
  EXPECT_EQ(found.verdict, Verdict::tampered);
  EXPECT_EQ(found.first_bad, 250u);
}

TEST(Verify, NoLogIsUnreadableUnlessThereWasOne) {
  TestLog test;
  EXPECT_EQ(verify(test.place.directory, "").verdict, Verdict::unreadable);
  Victim victim;
  EXPECT_EQ(verify(test.place.directory, victim.earlier).verdict, Verdict::tampered);
}

// Logs as they come to be: any batches, settled at any time, killed or cut off from power at any moment. No false alarm.
TEST(Verify, ALogThatNobodyTouchedIsSound) {
  Random random(std::random_device{}());
  const std::uint64_t wanted = times("NOTAUS_CLEAN_LOGS", 30);
  for (std::uint64_t n = 0; n < wanted; ++n) {
    TestLog test;
    std::string earlier, published;
    std::uint64_t acknowledged = 0;
    {
      Log log = test.open();
      for (std::size_t batches = below(random, 12); batches > 0; --batches) {
        published = contents(test.file("checkpoint"));
        TestLog::fill(log, 1 + below(random, 120), 120);
        if (below(random, 4) == 0) {
          ASSERT_TRUE(log.settle());
          published = log.checkpoint();
        }
        if (below(random, 3) == 0) earlier = below(random, 2) == 0 ? log.checkpoint() : ticket_text(log.checkpoint());
      }
      acknowledged = log.size();
    }
    const std::size_t crash = below(random, 4);
    if (crash == 1 && !published.empty()) put(test.file("checkpoint"), published);  // killed before it was published
    if (crash == 2)
      std::ofstream(test.newest_segment(), std::ios::app) << std::string(below(random, 200), 'x');  // killed in a write
    if (crash == 3) put(segments_in(test.place.directory) + "/000000000999", "torn");  // killed between segments
    const Inspection found = verify(test.place.directory, earlier);
    ASSERT_EQ(found.verdict, Verdict::sound) << found.what << " crash " << crash;
    ASSERT_EQ(found.size, acknowledged);
    Log log = test.open();
    ASSERT_GE(log.size(), acknowledged);
    const Inspection after = verify(test.place.directory, earlier);
    ASSERT_EQ(after.verdict, Verdict::sound) << after.what << " after crash " << crash;
  }
}

// With the log's own key, which is all that a thief of it has: not what the tiles come to.
TEST(Verify, ACheckpointSignedForOtherRecordsIsFound) {
  TestLog test;
  {
    Log log = test.open();
    TestLog::fill(log, 300);
  }
  std::string key = contents(test.file("key"));
  key.pop_back();
  const Signer signer = *parse_signer(key);
  Checkpoint other = View::open(test.place.directory)->checkpoint();
  EXPECT_EQ(verify(test.place.directory, "").verdict, Verdict::sound);  // control
  other.root[0] ^= 1;
  put(test.file("checkpoint"), *sign_note(signer, other.text()));
  EXPECT_EQ(verify(test.place.directory, "").verdict, Verdict::tampered);
}

TEST(Verify, WhatIsAddedBehindTheEndOfAFullFileIsFound) {
  TestLog test;
  {
    Log log = test.open();
    TestLog::fill(log, 600);
    TestLog::next_segment(log);  // which makes none of those files again
  }
  std::string entry, hash(32, 'x');
  add_entry(entry, R"({"kind":"note"})");
  for (const auto& [path, more] : {std::pair(entries_path(1), entry), std::pair(tile_path(0, 1), hash)}) {
    const std::string name = test.file(path), whole = contents(name);
    EXPECT_EQ(verify(test.place.directory, "").verdict, Verdict::sound);  // control
    put(name, whole + more);
    EXPECT_EQ(verify(test.place.directory, "").verdict, Verdict::tampered) << path;
    put(name, whole);
  }
}

// A frame that counts, since its sum is right, and that nobody has signed.
TEST(Verify, ASegmentThatDoesNotComeToItsSignedRootIsFound) {
  TestLog test;
  {
    Log log = test.open();
    TestLog::fill(log, 10);
  }
  EXPECT_EQ(verify(test.place.directory, "").verdict, Verdict::sound);  // control
  auto found = Segment::open(test.newest_segment(), O_RDWR).value();
  Frame forged = found.frames.back();
  forged.size += 1;
  forged.entries.clear();
  add_entry(forged.entries, R"({"n":10,"kind":"note"})");
  ASSERT_TRUE(found.segment.append(forged));
  EXPECT_EQ(verify(test.place.directory, "").verdict, Verdict::tampered);
}

// 65,536 records fill a tile of the second row.
TEST(Verify, AFullTileAboveTheLeavesIsCompared) {
  TestLog test;
  {
    Log log = test.open();
    TestLog::fill(log, 65'536 + 10, 8192);
  }
  EXPECT_EQ(verify(test.place.directory, "").verdict, Verdict::sound);  // control
  const std::string name = test.file(tile_path(1, 0));
  std::string tile = contents(name);
  tile[32 * 7] = static_cast<char>(tile[32 * 7] ^ 1);
  put(name, tile);
  const Inspection found = verify(test.place.directory, "");
  EXPECT_EQ(found.verdict, Verdict::tampered);
  EXPECT_EQ(found.first_bad, 7u * 256);
}

}  // namespace
}  // namespace notaus::audit
