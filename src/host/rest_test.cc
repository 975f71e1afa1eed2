// A daemon's rest: over in time, or as soon as spools fill, or for good.
#include "host/rest.h"

#include <thread>

#include "host/test_world.h"
#include "page/spool.h"

namespace notaus::host {
namespace {

using Over = Rest::Over;
constexpr std::chrono::milliseconds kMoment{20}, kLong{60'000};

void make_segments(const World& world, const std::string& process, int count) {
  page::Spool spool(world.site.state, process);
  const std::string much(page::kSegmentSize / 2, 'x');  // with what is around it no two fit
  for (int i = 0; i < count; ++i) ASSERT_TRUE(spool.append(much));
}

TEST(Rest, IsOverInTime) {
  World world;
  Rest rest(world.site.state.spool());
  EXPECT_EQ(rest.take(kMoment), Over::in_time);
  make_segments(world, "a", 3);
  EXPECT_EQ(rest.take(kMoment), Over::in_time) << "so little waits for the round that comes anyway";
  make_segments(world, "b", 1);
  EXPECT_EQ(rest.take(kMoment), Over::in_time) << "which has drained those before";
}

TEST(Rest, IsOverOnceSpoolsFill) {
  World world;
  Rest rest(world.site.state.spool());
  EXPECT_EQ(rest.take(kMoment), Over::in_time);
  make_segments(world, "a", 4);
  EXPECT_EQ(rest.take(kLong), Over::spools_fill);
  EXPECT_EQ(rest.take(kMoment), Over::in_time);
  for (const char* process : {"b", "c", "d", "e"}) make_segments(world, process, 1);
  EXPECT_EQ(rest.take(kLong), Over::spools_fill);
}

TEST(Rest, IsOverAtTheEnd) {
  World world;
  Rest rest(world.site.state.spool());
  std::thread ends([&] { rest.end(); });
  EXPECT_EQ(rest.take(kLong), Over::at_end);
  EXPECT_EQ(rest.take(kLong), Over::at_end);
  ends.join();
}

TEST(Rest, AnotherDirectoryOfThatNameIsWatched) {
  World world;
  Rest rest(world.site.state.spool());
  EXPECT_EQ(rest.take(kMoment), Over::in_time);
  fs::rename(world.site.state.spool(), world.site.state.spool() + ".old");
  fs::create_directory(world.site.state.spool());
  EXPECT_EQ(rest.take(kMoment), Over::in_time);
  make_segments(world, "a", 4);
  EXPECT_EQ(rest.take(kLong), Over::spools_fill);
}

TEST(Rest, WithoutADirectoryItIsOverInTime) {
  Rest rest("/nowhere");
  EXPECT_EQ(rest.take(kMoment), Over::in_time);
}

}  // namespace
}  // namespace notaus::host
