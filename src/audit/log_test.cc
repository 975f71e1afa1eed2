// The writer: what it acknowledged is there after a crash at any byte, once; what cannot be continued is kept, and says so.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>

#include <nlohmann/json.hpp>

#include "audit/test_log.h"
#include "audit/verify.h"

namespace notaus::audit {
namespace {

using Json = nlohmann::json;
using Verdict = Inspection::Verdict;

std::string kind_of(const std::string& line) { return Json::parse(line).value("kind", ""); }

TEST(Log, NumbersGoOnAcrossOpensAndAreThoseOfTheTree) {
  TestLog test;
  for (int i = 0; i < 3; ++i) {
    Log log = test.open();
    TestLog::fill(log, 2);
  }
  std::uint64_t number = 0;
  for (const std::string& line : test.lines()) EXPECT_EQ(Json::parse(line)["n"], number++);
  EXPECT_EQ(number, 6u);
}

TEST(Log, OneWriterAtATime) {
  TestLog test;
  Log first = test.open();
  auto second = Log::open(test.place, std::chrono::milliseconds(20));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, Kind::retry);
}

TEST(Log, AnyHostMakesAGoodName) {
  TestLog test;
  test.place.host = "web 1+\n\xe2\x80\x94";
  test.place.fleet = "";
  Log log = test.open();
  const std::string note = log.checkpoint();
  EXPECT_TRUE(note.starts_with("notaus/web%201%2B%0A%E2%80%94/")) << note;
  EXPECT_EQ(verify(test.place.directory, note).verdict, Verdict::sound);
}

TEST(Log, TheCursorIsWhatWasLogged) {
  TestLog test;
  {
    Log log = test.open();
    ASSERT_TRUE(
        log.append({{"{}", {.epoch = "e", .revision = 7}}, {"{}", {.segment = "p.1", .offset = 640}}, {"{}", {.dead = "q"}}}));
    log.forget_segment("p.1");
  }
  const Cursor expected{.epoch = "e", .revision = 7, .spools = {{"p.1", 640}}, .dead = {"q"}};
  EXPECT_EQ(test.open().cursor(), expected);  // nothing was logged since it was forgotten
  {
    Log log = test.open();
    log.forget_segment("p.1");
    ASSERT_TRUE(log.append({{"{}"}}));
  }
  EXPECT_EQ(test.open().cursor().spools.size(), 0u);
}

TEST(Log, GoesOnOverManySegmentsAndTiles) {
  TestLog test;
  std::string checkpoint;
  for (int i = 0; i < 30; ++i) {
    Log log = test.open();
    TestLog::fill(log, 1000, 499);
    ASSERT_TRUE(log.settle());
    if (i == 10) checkpoint = log.checkpoint();
  }
  EXPECT_EQ(test.lines().size(), 30'000u);
  EXPECT_EQ(list_segments(test.place.directory)->size(), 1u);
  EXPECT_GE(test.newest_segment(), segments_in(test.place.directory) + "/000000000002");
  Inspection found = verify(test.place.directory, checkpoint);
  EXPECT_EQ(found.verdict, Verdict::sound) << found.what;
  EXPECT_EQ(found.witnessed, 11'000u);
  EXPECT_FALSE(fs::exists(test.file("tile/0/000.p")));  // partial tiles go once the full one is durable
}

TEST(Log, ARecordThatIsTooLongIsCutAndNotRefused) {
  TestLog test;
  Log log = test.open();
  ASSERT_TRUE(log.append({{R"({"kind":"stop","reason":")" + std::string(200'000, 'x') + R"(","by":"ana"})"}}));
  ASSERT_TRUE(log.append({{R"({"kind":"stop","list":[)" + std::string(80'000, '1') + "]}"}}));
  const auto lines = test.lines();
  const Json first = Json::parse(lines.at(0)), second = Json::parse(lines.at(1));
  EXPECT_EQ(first["by"], "ana");
  EXPECT_EQ(first["cut"], true);
  EXPECT_TRUE(first["reason"].get<std::string>().starts_with("xxx"));
  EXPECT_EQ(second["cut"], true);
}

// A crash at any byte of the write-ahead segment: every batch that was whole is there, of the last one all or nothing.
TEST(Log, ACrashAtAnyByteLosesNoBatchAndHalvesNone) {
  TestLog test;
  std::vector<std::uint64_t> ends;  // of the segment, after so many batches
  {
    Log log = test.open();
    ends.push_back(fs::file_size(test.newest_segment()));
    for (int i = 0; i < 4; ++i) {
      TestLog::fill(log, 3);
      ends.push_back(fs::file_size(test.newest_segment()));
    }
  }
  const std::string whole = contents(test.newest_segment()), name = test.newest_segment();
  const std::string copy = test.root + "/copy";
  fs::copy(test.place.directory, copy, fs::copy_options::recursive);
  for (std::uint64_t cut = ends[0]; cut <= whole.size(); ++cut) {
    if (cut % 3 != 0 && std::ranges::find(ends, cut) == ends.end()) continue;
    fs::remove_all(test.place.directory);
    fs::remove(test.place.seen);
    fs::copy(copy, test.place.directory, fs::copy_options::recursive);
    fs::remove_all(test.file("tile"));  // a power cut takes all that was not synced
    fs::remove(test.file("checkpoint"));
    put(name, whole.substr(0, cut));
    const auto batches = static_cast<std::uint64_t>(std::ranges::upper_bound(ends, cut) - ends.begin() - 1);
    const bool torn = cut != ends[batches];
    Log log = test.open();
    ASSERT_EQ(log.size(), 3 * batches + (torn ? 1 : 0)) << cut;
    const Inspection after = verify(test.place.directory, "");
    ASSERT_EQ(after.verdict, Verdict::sound) << cut << after.what;
    if (torn) {
      ASSERT_EQ(kind_of(test.lines().back()), "unclean_start");
    }
  }
}

// Whatever of the files that follow from the segment a crash has taken, and wherever the next segment had got to.
TEST(Log, FilesThatACrashHasTakenAreMadeAgain) {
  TestLog test;
  {
    Log log = test.open();
    TestLog::fill(log, 700, 60);
  }
  for (const char* lost : {"tile/0/001", "tile/entries/001", "tile/1/000.p/2", "tile/entries/002.p/188", "tile", "checkpoint"}) {
    fs::remove_all(test.file(lost));
    fs::remove(test.file("checkpoint"));  // published last, so never there without them
    Log log = test.open();
    EXPECT_EQ(verify(test.place.directory, log.checkpoint()).verdict, Verdict::sound) << lost;
    EXPECT_EQ(test.lines().size(), 700u) << lost;
  }
  put(segments_in(test.place.directory) + "/000000000099", contents(test.newest_segment()).substr(0, 100));
  Log log = test.open();
  EXPECT_EQ(log.size(), 700u);
}

// The machine has been started again since.
void reboot(const TestLog& test) {
  for (const std::string& path : *list_segments(test.place.directory)) {
    auto found = Segment::open(path, O_RDWR);
    fs::remove(path);
    for (Frame& frame : found->frames) frame.boot = "another";
    auto made = Segment::make(path, found->frames.front());
    for (const Frame& frame : std::span(found->frames).subspan(1)) ASSERT_TRUE(made->append(frame));
  }
}

// A power cut takes what was not synced: any of the files that follow from an append, after any of them, whole or the half of one.
TEST(Log, APowerCutBetweenTheFilesThatFollowTakesNoRecord) {
  TestLog test;
  std::map<std::string, std::string> before, after;
  std::string checkpoint;
  {
    Log log = test.open();
    TestLog::fill(log, 250, 50);
    before = test.evidence();
    TestLog::fill(log, 50, 25);
    after = test.evidence();
    checkpoint = log.checkpoint();
  }
  std::vector<std::string> follow;  // in the order in which they are written
  for (const auto& [name, bytes] : after)
    if (name.starts_with("tile/") && before[name] != bytes) follow.push_back(name);
  follow.push_back("checkpoint");
  for (std::size_t written = 0; written <= follow.size(); ++written)
    for (std::size_t part : {0, 1}) {
      for (std::size_t i = 0; i < follow.size(); ++i) {
        const std::string& name = follow[i];
        put(test.file(name), i < written   ? after[name]
                             : i > written ? before[name]
                                           : after[name].substr(0, after[name].size() / 2 * part));
      }
      reboot(test);
      Inspection found = verify(test.place.directory, checkpoint);
      ASSERT_EQ(found.verdict, Verdict::sound) << written << ": " << found.what;
      ASSERT_EQ(test.lines().size(), 300u);
      ASSERT_EQ(test.open().size(), 300u);
      found = verify(test.place.directory, checkpoint);
      ASSERT_EQ(found.verdict, Verdict::sound) << written << ": " << found.what;
      ASSERT_EQ(contents(test.file("tile/0/000")), after["tile/0/000"]);
    }
}

TEST(Log, WhatCannotBeContinuedIsKeptAndSaysSo) {
  struct Row {
    const char* what;
    std::function<void(TestLog&, const std::string& older)> harm;
    const char* why;
    std::size_t kept;
  } rows[] = {
      {"removed", [](TestLog& test, auto&) { fs::remove_all(test.place.directory); }, "the log was removed", 0},
      {"key", [](TestLog& test, auto&) { fs::remove(test.file("key")); }, "the log's key was removed", 1},
      {"key damaged", [](TestLog& test, auto&) { put(test.file("key"), "x"); }, "the log's key was damaged", 1},
      {"older copy",
       [](TestLog& test, const std::string& older) {
         fs::remove_all(test.place.directory);
         fs::copy(older, test.place.directory, fs::copy_options::recursive);
       },
       "the log was set back", 1},
      {"older segment",
       [](TestLog& test, const std::string& older) {
         fs::remove(test.place.seen);
         fs::remove_all(test.file("wal"));
         fs::copy(older + "/wal", test.file("wal"), fs::copy_options::recursive);
       },
       "the log was set back", 1},
      {"no segment", [](TestLog& test, auto&) { fs::remove_all(test.file("wal")); }, "there is no segment", 1},
      {"another log",
       [](TestLog& test, auto&) {
         TestLog other;
         Log log = other.open();
         TestLog::fill(log, 9);
         fs::remove_all(test.place.directory);
         fs::copy(other.place.directory, test.place.directory, fs::copy_options::recursive);
       },
       "another log was put in its place", 1},
  };
  for (const Row& row : rows) {
    TestLog test;
    const std::string older = test.root + "/older";
    {
      Log log = test.open();
      TestLog::fill(log, 3);
      fs::copy(test.place.directory, older, fs::copy_options::recursive);
      TestLog::fill(log, 3);
    }
    const std::string last = contents(test.place.seen);
    row.harm(test, older);
    Log log = test.open();
    const Json said = Json::parse(test.lines().at(0));
    EXPECT_EQ(said["kind"], "audit_degraded") << row.what;
    EXPECT_TRUE(said["why"].get<std::string>().contains(row.why)) << row.what << ": " << said["why"];
    EXPECT_EQ(said["checkpoint"], last) << row.what;
    std::size_t kept = 0;
    for (const auto& file : fs::directory_iterator(test.place.directory))
      kept += file.path().filename().string().starts_with("ended-");
    EXPECT_EQ(kept, row.kept) << row.what;
    TestLog::fill(log, 3);
    EXPECT_EQ(verify(test.place.directory, log.checkpoint()).verdict, Verdict::sound) << row.what;
    EXPECT_EQ(verify(test.place.directory, last).verdict, Verdict::tampered) << row.what;
  }
}

// Killed anywhere while it makes a log: nobody's alarm, and no log before it to tell of.
TEST(Log, AWriterKilledWhileItBeginsLeavesNoAlarm) {
  const std::vector<std::string> steps[] = {
      {"checkpoint", "wal", "vkey", "key"}, {"checkpoint", "wal", "vkey"}, {"checkpoint", "wal"}, {"checkpoint"}, {}};
  for (const auto& missing : steps) {
    TestLog test;
    (void)test.open();
    for (const std::string& part : missing) fs::remove_all(test.file(part));
    if (!missing.empty()) fs::remove(test.place.seen);
    const Inspection found = verify(test.place.directory, "");
    EXPECT_NE(found.verdict, Verdict::tampered) << missing.size() << found.what;
    EXPECT_EQ(found.verdict == Verdict::sound, fs::exists(test.file("wal")));
    EXPECT_EQ(test.open().size(), 0u) << missing.size();
    EXPECT_EQ(verify(test.place.directory, "").verdict, Verdict::sound) << missing.size();
  }
}

// Control: once something was appended, a log without its checkpoint is not whole.
TEST(Log, ALogWithoutItsCheckpointIsNotWhole) {
  TestLog test;
  Log log = test.open();
  TestLog::fill(log, 1);
  fs::remove(test.file("checkpoint"));
  EXPECT_EQ(verify(test.place.directory, "").verdict, Verdict::tampered);
}

// Killed anywhere while it puts a log aside that it cannot continue: the next one still says so first.
TEST(Log, AWriterKilledWhileItEndsALogSaysSoLater) {
  const std::vector<std::string> parts = {"key", "checkpoint", "vkey", "tile", "wal"};
  for (std::size_t moved = 0; moved <= parts.size(); ++moved) {
    TestLog test;
    {
      Log log = test.open();
      TestLog::fill(log, 3);
    }
    fs::remove(test.place.seen);
    put(test.file("key"), "damaged");
    fs::create_directory(test.file("ended-1"));
    for (std::size_t i = 0; i < moved; ++i)
      i == 0 ? static_cast<void>(fs::remove(test.file("key"))) : fs::rename(test.file(parts[i]), test.file("ended-1/" + parts[i]));
    Log log = test.open();
    ASSERT_EQ(log.size(), 1u) << moved;
    EXPECT_EQ(kind_of(test.lines().at(0)), "audit_degraded") << moved;
  }
}

// Killed once a log that follows another has its segment, and before anything else says that it is there.
TEST(Log, AWriterKilledWhileItBeginsALogAccusesNobody) {
  TestLog test;
  {
    Log log = test.open();
    TestLog::fill(log, 3);
  }
  const std::string last = contents(test.place.seen);
  fs::remove_all(test.place.directory);
  (void)test.open();
  for (const char* file : {"checkpoint", "tile"}) fs::remove_all(test.file(file));
  put(test.place.seen, last);
  {
    Log log = test.open();
    EXPECT_EQ(log.size(), 1u) << "it goes on";
    EXPECT_TRUE(log.append({{R"({"kind":"note"})"}}));
  }
  EXPECT_EQ(Json::parse(test.lines().at(0))["why"], "the log was removed");
  // Control: a log that follows another one.
  put(test.place.seen, last.substr(0, last.find('\n')) + "x" + last.substr(last.find('\n')));
  EXPECT_EQ(test.open().size(), 1u);
  EXPECT_EQ(Json::parse(test.lines().at(0))["why"], "another log was put in its place");
}

// A process without a descriptor left may not look; that is no reason to give up a log.
TEST(Log, WhatCannotBeReadNowIsNotEnded) {
  TestLog test;
  {
    Log log = test.open();
    TestLog::fill(log, 3);
  }
  const std::string segment = test.newest_segment();
  rlimit limits{}, before{};
  getrlimit(RLIMIT_NOFILE, &before);
  for (rlim_t free = 0; free < 6; ++free) {
    const int next = dup(0);
    close(next);
    limits = {static_cast<rlim_t>(next) + free, before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &limits);
    auto opened = Log::open(test.place, std::chrono::milliseconds(10));
    setrlimit(RLIMIT_NOFILE, &before);
    EXPECT_EQ(test.newest_segment(), segment) << free << (opened ? "" : opened.error().what);
  }
  EXPECT_EQ(test.open().size(), 3u);
}

TEST(Log, WhatIsRemovedUnderItsWriterIsNoticed) {
  TestLog test;
  Log log = test.open();
  TestLog::fill(log, 3);
  fs::rename(test.place.directory, test.root + "/away");
  EXPECT_FALSE(log.append({{"{}"}}));
  fs::create_directory(test.place.directory);
  EXPECT_FALSE(log.append({{"{}"}}));
  EXPECT_FALSE(fs::exists(test.file("checkpoint")));
}

// A file system that is full after some bytes more: what does not fit as a whole is not in the log at all, and arrives later.
TEST(Log, WhatDoesNotFitIsNotHalfLogged) {
  TestLog test;
  const std::vector<Record> ten(10, {R"({"kind":"note","text":")" + std::string(500, 'x') + "\"}"});
  {
    Log log = test.open();
    ASSERT_TRUE(log.append(ten));
    auto before = signal(SIGXFSZ, SIG_IGN);
    rlimit limits{}, unlimited{};
    getrlimit(RLIMIT_FSIZE, &unlimited);
    limits = {fs::file_size(test.newest_segment()) + 1200, unlimited.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limits);
    auto full = log.append(std::vector<Record>(30, ten[0]));
    setrlimit(RLIMIT_FSIZE, &unlimited);
    (void)signal(SIGXFSZ, before);
    EXPECT_FALSE(full);
    EXPECT_EQ(test.lines().size(), 10u);
  }
  Log log = test.open();
  EXPECT_EQ(log.size(), 10u);
  EXPECT_FALSE(test.newest_segment().ends_with(kCondemned));  // to what has failed once nothing is added
  ASSERT_TRUE(log.append(ten));
  EXPECT_EQ(test.lines().size(), 20u);
  EXPECT_EQ(verify(test.place.directory, log.checkpoint()).verdict, Verdict::sound);
}

}  // namespace
}  // namespace notaus::audit
