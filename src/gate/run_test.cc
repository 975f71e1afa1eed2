// `notaus run`: the program itself, with commands that write down who they are. A process that is still there is the only proof.
#include "gate/run.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <functional>
#include <thread>

#include "base/must.h"
#include "base/test_within.h"
#include "gate/test_world.h"

namespace notaus::gate {
namespace {

using namespace std::chrono_literals;

bool lives(pid_t pid) {
  auto stat = read_file("/proc/" + std::to_string(pid) + "/stat", 4096);
  return stat && stat->substr(stat->rfind(')') + 2, 1).find_first_of("ZX") == std::string::npos;
}

// Of this process alone, and only for root; everyone else sees what there is.
void own_mounts() { must(unshare(CLONE_NEWNS) == 0 && mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0); }

void without_cgroups() {
  if (geteuid() != 0) return;
  own_mounts();
  std::istringstream mounts(read_file("/proc/self/mountinfo").value());
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream words(line);
    std::string skipped, point;
    words >> skipped >> skipped >> skipped >> skipped >> point;
    if (line.contains(" - cgroup2 ")) must(umount2(point.c_str(), MNT_DETACH) == 0);
  }
}

class RunTest : public testing::Test {
 protected:
  // `script` is the shell's; in it $D is a directory of the test's own, and `here NAME` writes the shell's pid into $D/NAME.
  void start(const std::string& script, const std::string& tool = "mailer") {
    std::vector<std::string> words = {NOTAUS_GATE, "run", "--state", world.path(), "--tenant", "acme"};
    if (!tool.empty()) words.insert(words.end(), {"--tool", tool});
    const std::string prelude = "D=" + world.path() + "; here() { sh -c 'echo $PPID' > $D/.$1; mv $D/.$1 $D/$1; }; ";
    words.insert(words.end(), {"--", "/bin/sh", "-c", prelude + script});
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    pid = fork();
    if (pid == 0) {
      if (before_exec) before_exec();
      Fd err = open_file(world.path() + "/stderr", O_WRONLY | O_CREAT | O_TRUNC).value();
      dup2(err.get(), 2);
      execv(argv[0], argv.data());
      _exit(99);
    }
  }
  ~RunTest() override {
    if (pid > 0) kill(pid, SIGKILL), waitpid(pid, nullptr, 0);
    for (pid_t left : seen)
      if (lives(left)) kill(left, SIGKILL);
  }
  int exit_status() {
    int status = 0;
    if (!within([&] { return waitpid(pid, &status, WNOHANG) == pid; })) return -1000;
    pid = -1;
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
  }
  [[nodiscard]] bool is_there(const std::string& name) const { return access((world.path() + "/" + name).c_str(), F_OK) == 0; }
  pid_t pid_in(const std::string& name) {
    if (!within([&] { return is_there(name); })) return -1;
    pid_t found = 0;
    std::ifstream(world.path() + "/" + name) >> found;
    seen.push_back(found);
    return found;
  }
  [[nodiscard]] std::string said() const { return read_file(world.path() + "/stderr").value_or(""); }

  test::World world;
  std::function<void()> before_exec = without_cgroups;
  pid_t pid = -1;
  std::vector<pid_t> seen;
};

TEST_F(RunTest, StartsOnlyWhatMayStart) {
  struct Row {
    const char *stop, *tool, *reason;  // none: it runs
  } rows[] = {
      {"", "mailer", nullptr},
      {"disable_tool * mailer", "mailer", "killed: tool_disabled:mailer\n"},
      {"disable_tool * mailer", "other", nullptr},
      {"disable_writes acme", "mailer", "killed: writes_disabled:mailer\n"},
      {"disable_writes acme", "crm.find", nullptr},  // the catalogue knows it as a read
      {"disable_writes acme", "", nullptr},          // a run's start is a read
      {"stop_all acme", "", "killed: stop_all\n"},
      {"stop_all globex", "", nullptr},
  };
  for (const Row& row : rows) {
    world.stop(row.stop);
    start("touch $D/ran; exit 3", row.tool);
    EXPECT_EQ(exit_status(), row.reason != nullptr ? kDeniedStatus : 3) << row.stop << " " << row.tool;
    EXPECT_EQ(is_there("ran"), row.reason == nullptr) << row.stop << " " << row.tool;
    if (row.reason != nullptr) EXPECT_TRUE(said().starts_with(row.reason)) << said();
    unlink((world.path() + "/ran").c_str());
  }
}

TEST_F(RunTest, IsInFlightUntilTheLastOfItsProcessesHasEnded) {
  start("(here left; sleep 1000) & exit 3");
  const pid_t left = pid_in("left");
  EXPECT_TRUE(within([&] { return world.in_flight() == "mailer "; }));
  world.stop("stop_all *");
  EXPECT_TRUE(lives(left)) << "a stop without --cancel ends nothing";
  EXPECT_EQ(waitpid(pid, nullptr, WNOHANG), 0);
  kill(left, SIGKILL);
  EXPECT_EQ(exit_status(), 3);
}

TEST_F(RunTest, ItsStatusIsTheCommands) {
  start("kill -KILL $$");
  EXPECT_EQ(exit_status(), 128 + SIGKILL);
}

TEST_F(RunTest, SignalsForItReachTheCommand) {
  start("trap 'exit 7' TERM; here up; while :; do sleep 0.01; done");
  ASSERT_GT(pid_in("up"), 0);
  kill(pid, SIGTERM);
  EXPECT_EQ(exit_status(), 7);
}

TEST_F(RunTest, TheWorkerIsNotLeftWithoutItsGuard) {
  start("trap '' TERM; here up; while :; do sleep 0.01; done");
  const pid_t worker = pid_in("up");
  kill(pid, SIGKILL);
  EXPECT_TRUE(within([&] { return !lives(worker); }));
}

TEST_F(RunTest, CancelEndsTheWholeTreeAndNobodyElse) {
  start(
      "trap '' TERM; (trap '' TERM; here child; sleep 1000; :) & setsid sh -c 'trap \"\" TERM; echo $$ > '$D'/session; sleep 1000; "
      ":' & "
      "here self; sleep 1000; :");
  const pid_t mine[] = {pid_in("self"), pid_in("child")};
  ASSERT_TRUE(within([&] { return !read_file(world.path() + "/session").value_or("").empty(); }));
  const pid_t session = pid_in("session");
  const pid_t stranger = fork();  // in the same process group
  if (stranger == 0) {
    execlp("sleep", "sleep", "1000", nullptr);
    _exit(99);
  }
  world.stop("disable_tool * mailer");
  EXPECT_TRUE(lives(mine[0]) && lives(mine[1]) && lives(session)) << "without --cancel";
  world.end("disable_tool * mailer", 100ms);
  EXPECT_EQ(exit_status(), 128 + SIGKILL);
  EXPECT_FALSE(lives(mine[0]) || lives(mine[1]) || lives(session));
  EXPECT_TRUE(lives(stranger));
  kill(stranger, SIGKILL), waitpid(stranger, nullptr, 0);
  EXPECT_NE(said().find("killed: tool_disabled:mailer by stop s1"), std::string::npos) << said();
}

TEST_F(RunTest, AWorkerThatEndsWhenAskedIsNotKilled) {
  start("trap 'exit 5' TERM; here self; while :; do sleep 0.01; done");
  ASSERT_GT(pid_in("self"), 0);
  world.end("stop_all *", 0ms);
  EXPECT_EQ(exit_status(), 5);
}

// Each lives for a millisecond and leaves a successor in a session of its own.
// Each of them lives for a moment, and who looks from one to the next may find none.
TEST_F(RunTest, AChainOfProcessesIsInFlightToItsEnd) {
  start("link() { test $1 = 0 && touch $D/end && exit; link $(($1 - 1)) & exit 0; }; link 900");
  EXPECT_EQ(exit_status(), 0);
  EXPECT_TRUE(is_there("end"));
}

TEST_F(RunTest, AChainOfProcessesIsCaught) {
  std::ofstream(world.path() + "/chain") << "#!/bin/sh\ntrap '' TERM\necho $$ > " << world.path()
                                         << "/last\nsetsid \"$0\" & exit 0\n";
  ASSERT_EQ(chmod((world.path() + "/chain").c_str(), 0755), 0);
  start("exec $D/chain");
  auto last = [&] { return read_file(world.path() + "/last").value_or(""); };
  ASSERT_TRUE(within([&] { return !last().empty(); }));
  const std::string first = last();
  ASSERT_TRUE(within([&] { return last() != first; })) << "the chain goes on";
  world.end("disable_tool * mailer", 0ms);
  EXPECT_EQ(exit_status(), 0) << "the first of them ended by itself";
  const std::string stands = last();
  std::this_thread::sleep_for(50ms);  // it would have gone on fifty times
  EXPECT_EQ(last(), stands);
}

TEST_F(RunTest, WhereACgroupCanBeMadeTheTreeIsInOne) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can mount a hierarchy of its own";
  const std::string mount_point = world.path() + "/cgroup";
  ASSERT_EQ(mkdir(mount_point.c_str(), 0755), 0);
  before_exec = [&] {
    own_mounts();
    must(mount("none", mount_point.c_str(), "cgroup2", 0, nullptr) == 0);
  };
  const std::string left_behind = mount_point + "/notaus-run-0";  // by a gate that was killed; no process has this number
  before_exec = [&, mounts = before_exec] {
    mounts();
    must(mkdir(left_behind.c_str(), 0755) == 0);
  };
  start("test -d " + left_behind + " && touch $D/swept_nothing; trap '' TERM; here self; sleep 1000; :");
  const pid_t worker = pid_in("self");
  EXPECT_FALSE(is_there("swept_nothing"));
  const std::string mine = "/notaus-run-" + std::to_string(pid);
  EXPECT_NE(read_file("/proc/" + std::to_string(worker) + "/cgroup").value_or("").find(mine + "\n"), std::string::npos);
  world.end("disable_tool * mailer", 0ms);
  EXPECT_EQ(exit_status(), 128 + SIGKILL);
  EXPECT_FALSE(lives(worker));
  EXPECT_EQ(read_file("/proc/self/cgroup").value_or("").find("notaus-run"), std::string::npos) << "we are not in it";
}

TEST(Start, TheLastLookCanSayNo) {
  const std::string file = std::filesystem::temp_directory_path() / ("notaus-start-" + std::to_string(getpid()));
  for (const bool allowed : {true, false}) {
    auto pid = start({"touch", file}, {.last_look = [&] { return allowed; }});
    EXPECT_EQ(pid.has_value(), allowed);
    if (pid) waitpid(*pid, nullptr, 0);
    EXPECT_EQ(access(file.c_str(), F_OK) == 0, allowed);
    unlink(file.c_str());
  }
  EXPECT_EQ(start({"/no/such/command"}, {}).error().kind, Kind::gone);
  EXPECT_EQ(start({"/etc/passwd"}, {}).error().kind, Kind::refused);
}

}  // namespace
}  // namespace notaus::gate
