#include "gate/heir.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "base/test_within.h"
#include "gate/child.h"
#include "gate/process.h"
#include "gate/test_world.h"

namespace notaus::gate {
namespace {

enum class Will { written, struck_out, none };

// Ignores SIGTERM and the end of its stdin, and so does the process that it starts.
const std::string kObstinate = R"(trap '' TERM; (trap '' TERM; echo $BASHPID > "$WHERE/below"; while :; do sleep 0.05; done) &
echo $$ > "$WHERE/leader"; while :; do sleep 0.05; done)";

class HeirTest : public testing::Test {
 protected:
  ~HeirTest() override {
    for (const char* name : {"leader", "below"})
      if (pid_t left = pid_in(name)) kill(left, SIGKILL);
  }

  // A process that starts the server, and is killed.
  void start_and_kill(Will will) const {
    const pid_t pid = fork();
    if (pid == 0) {
      auto heir = Heir::make();
      auto child = spawn_apart({"/bin/bash", "-c", kObstinate}, {{"WHERE", world.path()}}, [&] {
        if (will != Will::none) heir->write_down_self();
      });
      if (will == Will::struck_out) heir->strike_out(child->pid);
      while (true) pause();
    }
    EXPECT_TRUE(within([this] { return pid_in("leader") != 0 && pid_in("below") != 0; }));
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
  }
  [[nodiscard]] pid_t pid_in(const std::string& name) const {
    pid_t pid = 0;
    std::ifstream(world.path() + "/" + name) >> pid;
    return pid;
  }
  [[nodiscard]] bool runs(const std::string& name) const {
    auto stat = stat_of(pid_in(name));
    return stat && stat->state != 'Z';
  }

  // Of the one that was started now: does it still run when somebody else's heir, who began later, has acted?
  bool outlives_the_next_heir() {
    const pid_t leader = pid_in("leader"), below = pid_in("below");
    for (const char* name : {"leader", "below"}) std::filesystem::remove(world.path() + "/" + name);
    start_and_kill(Will::written);
    EXPECT_TRUE(within([this] { return !runs("leader") && !runs("below"); }));
    const bool both = kill(leader, 0) == 0 && kill(below, 0) == 0;
    kill(leader, SIGKILL);
    kill(below, SIGKILL);
    return both;
  }

  test::World world;
};

TEST_F(HeirTest, AServerThatIgnoresEverythingDoesNotOutliveWhoStartedIt) {
  start_and_kill(Will::written);
  EXPECT_TRUE(within([this] { return !runs("leader") && !runs("below"); }));
}

TEST_F(HeirTest, OneThatIsNotInTheWillDoes) {
  start_and_kill(Will::none);
  EXPECT_TRUE(outlives_the_next_heir()) << "the test above would pass without an heir";
}

TEST_F(HeirTest, AGroupWhoseNumberMayBeAnothersIsLeftAlone) {
  start_and_kill(Will::struck_out);
  EXPECT_TRUE(outlives_the_next_heir());
}

}  // namespace
}  // namespace notaus::gate
