// The live page as a mapping: which files are believed, and how a mapping ends.
#include "page/live_page.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <fstream>
#include <functional>
#include <sstream>

#include "page/test_world.h"

namespace notaus::page {
namespace {

void write(const World& world, std::size_t at, std::string_view bytes) {
  Fd file = open_file(world.state.page(), O_RDWR).value();
  ASSERT_TRUE(write_at(file.get(), bytes.data(), bytes.size(), at));
}

TEST(LivePage, OpensWhatItsOwnerPublishedAndSaysWhyNothingElse) {
  struct Row {
    const char* what;
    std::function<void(const World&)> harm;
    std::optional<Why> why;
    const char* says;
  } rows[] = {
      {"nothing", [](const World&) {}, {}, ""},
      {"no page", [](const World& w) { unlink(w.state.page().c_str()); }, Why::page_missing, "run `notaus status --state"},
      {"a link to it",
       [](const World& w) {
         std::filesystem::rename(w.state.page(), w.state.page() + "2");
         std::filesystem::create_symlink("page2", w.state.page());
       },
       Why::page_missing, "no live page: "},
      {"a pipe",
       [](const World& w) {
         unlink(w.state.page().c_str());
         EXPECT_EQ(mkfifo(w.state.page().c_str(), 0600), 0);
       },
       Why::page_owner, "is not a file that only the owner"},
      {"others may write", [](const World& w) { chmod(w.state.page().c_str(), 0646); }, Why::page_owner, "may write"},
      {"a group may write", [](const World& w) { chmod(w.state.page().c_str(), 0664); }, Why::page_owner, "may write"},
      {"cut off", [](const World& w) { EXPECT_EQ(truncate(w.state.page().c_str(), 4096), 0); }, Why::page_version,
       "has 4096 bytes"},
      {"something else", [](const World& w) { write(w, 0, "x"); }, Why::page_torn, "is no live page; run `notaus status --state"},
      {"version", [](const World& w) { write(w, offsetof(PageHead, version), "\x09"); }, Why::page_version, "is of version 9"},
      {"size of its halves", [](const World& w) { write(w, offsetof(PageHead, half_size), "x"); }, Why::page_version,
       "this program reads version"},
      {"another boot", [](const World& w) { write(w, offsetof(PageHead, boot_id), "x"); }, Why::page_missing,
       "last boot; run `notaus status"},
  };
  for (const Row& row : rows)
    for (Access access : {Access::read, Access::write}) {
      World world;
      row.harm(world);
      auto page = LivePage::open(world.state, access);
      EXPECT_EQ(page ? std::nullopt : std::optional(page.error().why), row.why) << row.what;
      if (page) continue;
      EXPECT_TRUE(page.error().what.contains(row.says)) << row.what << ": " << page.error().what;
      EXPECT_TRUE(page.error().what.contains(world.state.page())) << page.error().what;
    }
}

// It may be looked at by another name; whose it must be is what the directory says.
TEST(LivePage, OfAStateThatIsGoneIsNotBelieved) {
  World world;
  const StateDir gone{world.state.path + "-gone"};
  EXPECT_EQ(LivePage::open(gone, world.state.page(), Access::read).error().why, Why::page_missing);
  EXPECT_TRUE(LivePage::open(world.state, world.state.page(), Access::read));
}

#if !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)  // which need more room than there is
TEST(LivePage, ThatCannotBeMappedIsMissing) {
  World world;
  auto tries = [&](bool full) {
    if (full) {
      rlimit none{1 << 20, 1 << 20};
      setrlimit(RLIMIT_AS, &none);
    }
    const auto page = LivePage::open(world.state, Access::read);
    const auto replaced = Publisher::replace(world.state, world.lock(), world.says);
    const auto slots = Slots::create(world.state, {"test", "", ""}, 1);
    _exit((page || page.error().why == Why::page_missing ? 1 : 0) + (page ? 2 : 0) + (replaced ? 4 : 0) + (slots ? 8 : 0));
  };
  EXPECT_EXIT(tries(true), testing::ExitedWithCode(1), "");
  Guard guard = Guard::open({.state = world.state.path});
  EXPECT_EQ(ask(guard, {.tool = "email.send"}), "ok") << "the page is as it was";
  EXPECT_EXIT(tries(false), testing::ExitedWithCode(15), "");
}
#endif

TEST(LivePage, ReadsTheHalfThatItsWordNamesAndNoOther) {
  World world;
  world.stop(core::Mode::stop_all, {});
  LivePage page = LivePage::open(world.state, Access::read).value();
  const std::uint64_t word = page.head().word.load();
  EXPECT_EQ(page.verify(word)->state(), world.says);
  EXPECT_EQ(page.trust(word).state(), world.says);
  EXPECT_EQ(page.verify(0).error().kind, Kind::gone);
  EXPECT_EQ(page.verify(word - 1).error().kind, Kind::broken);
  EXPECT_EQ(page.verify(word + 2).error().kind, Kind::broken);
  write(world, half_at(word) + kHalfHead + 64, "damage!!");
  EXPECT_EQ(page.verify(word).error().kind, Kind::broken);
}

TEST(LivePage, IsInPlaceWhileItsPathNamesIt) {
  World world;
  LivePage page = LivePage::open(world.state, Access::read).value();
  EXPECT_TRUE(page.in_place(world.state));
  const std::string moved = world.state.page() + ".moved";
  std::filesystem::rename(world.state.page(), moved);
  EXPECT_FALSE(page.in_place(world.state));
  std::filesystem::copy(moved, world.state.page());
  EXPECT_FALSE(page.in_place(world.state));
  std::filesystem::rename(moved, world.state.page());
  EXPECT_TRUE(page.in_place(world.state));
}

bool mapped(const std::string& path) {
  std::ifstream maps("/proc/self/maps");
  std::stringstream all;
  all << maps.rdbuf();
  return all.str().contains(path);
}

TEST(LivePage, IsGoneFromTheProcessWhenItIsAbandonedOrEnds) {
  World world;
  world.publisher.reset();  // it maps the page, too
  {
    LivePage page = LivePage::open(world.state, Access::read).value(), moved = std::move(page);
    EXPECT_TRUE(mapped(world.state.page()));
    EXPECT_NE(moved.head().word.load(), 0u);
  }
  EXPECT_FALSE(mapped(world.state.page()));
  LivePage page = LivePage::open(world.state, Access::read).value();
  page.abandon();
  EXPECT_FALSE(mapped(world.state.page())) << "nobody is told any more that we hold it";
  EXPECT_EQ(page.head().word.load(), 0u);
}

std::size_t locked_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmLck:")) return std::stoul(line.substr(6));
  return 0;
}

// So that no disk stands between a call and its verdict.
TEST(LivePage, StaysInMemoryAsSlotsDo) {
  rlimit limit{};
  getrlimit(RLIMIT_MEMLOCK, &limit);
  if (limit.rlim_cur < 2 * kPageSize && geteuid() != 0) GTEST_SKIP() << "this user may lock no memory";
  World world;
  const std::size_t before = locked_kib();
  LivePage page = LivePage::open(world.state, Access::read).value();
  EXPECT_GE(locked_kib(), before + kPageSize / 1024);
  const std::size_t with_page = locked_kib();
  auto slots = Slots::create(world.state, {"test", "", ""}, 1).value();
  EXPECT_GE(locked_kib(), with_page + sizeof(SlotsFile) / 1024);
  slots.reset();
  EXPECT_EQ(locked_kib(), with_page);
}

}  // namespace
}  // namespace notaus::page
