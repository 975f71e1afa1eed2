// Servers as they should not be, each a line of shell: what an inquiry says of them, and that none outlives it.
#include "gate/inquiry.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

namespace notaus::gate {
namespace {

using namespace std::chrono_literals;

class InquiryTest : public testing::Test {
 protected:
  ~InquiryTest() override { std::filesystem::remove_all(directory); }

  static Inquiry::Limits within(std::chrono::milliseconds time) {
    return {.deadline = {boot_now().ns + std::chrono::nanoseconds(time).count()}, .max_line = 1 << 20};
  }

  // What the server answers when it is asked once; it is told where to leave the ids of its processes.
  Result<std::string> ask(const std::string& script, std::chrono::milliseconds time = 20s) {
    setenv("PIDS", pids().c_str(), 1);
    auto inquiry = Inquiry::start({"sh", "-c", script}, within(time));
    if (!inquiry) return std::unexpected(inquiry.error());
    return inquiry->ask("tools/list", "{}");
  }

  [[nodiscard]] std::string pids() const { return directory + "/pids"; }

  // Processes that wrote their id and still live, after a moment for those whose parent was told to end them.
  [[nodiscard]] std::size_t alive() const {
    std::size_t count = 0;
    for (auto deadline = std::chrono::steady_clock::now() + 5s; std::chrono::steady_clock::now() < deadline;
         std::this_thread::sleep_for(10ms)) {
      count = 0;
      std::ifstream file(pids());
      for (pid_t pid = 0; file >> pid;) count += kill(pid, 0) == 0 ? 1 : 0;
      if (count == 0) break;
    }
    return count;
  }

  std::string directory = [] {
    std::string name = "/tmp/notaus-inquiry-XXXXXX";
    return std::string(mkdtemp(name.data()));
  }();
};

TEST_F(InquiryTest, AnswerIsFoundAmongTheRest) {
  auto line = ask(R"(read asked; echo "[INFO] up"; echo '{"jsonrpc":"2.0","method":"notifications/x"}'
                     echo '{"jsonrpc":"2.0","id":7,"result":{}}'; echo '{"jsonrpc":"2.0","id":1,"result":{"mine":1}}'; cat >/dev/null)");
  ASSERT_TRUE(line) << line.error().what;
  EXPECT_TRUE(line->contains("mine"));
}

TEST_F(InquiryTest, TheServerIsAnsweredToo) {
  auto line = ask(R"(read asked; echo '{"jsonrpc":"2.0","id":"p","method":"ping"}'; read pong
                     echo '{"jsonrpc":"2.0","id":1,"method":"roots/list"}'; read no
                     echo "{\"id\":1,\"result\":[$pong,$no]}"; cat >/dev/null)");
  ASSERT_TRUE(line) << line.error().what;
  EXPECT_TRUE(line->contains(R"("id":"p","result":{})")) << *line;
  EXPECT_TRUE(line->contains(R"("id":1,"error":{"code":-32601)")) << *line;
}

TEST_F(InquiryTest, TroubleIsNamed) {
  struct Row {
    const char* script;
    std::chrono::milliseconds time;
    Kind kind;
    const char* says;
  } rows[] = {
      {"echo $$ >$PIDS; exec sleep 600", 200ms, Kind::retry, "no answer to tools/list in time"},
      {"echo $$ >$PIDS; yes", 200ms, Kind::retry, "no answer to tools/list in time"},
      {"exec <&-; echo $$ >$PIDS; exec sleep 600", 200ms, Kind::retry, "no answer"},
      {"read asked; exit 3", 20s, Kind::gone, "ended before it answered tools/list (exit status 3)"},
      {"sleep 600 & echo $! >$PIDS; exit 0", 20s, Kind::gone, "exit status 0"},  // what it leaves behind holds its stdout
      {"echo $$ >$PIDS; kill -9 $$", 20s, Kind::gone, "exit status 137"},
      {"echo $$ >$PIDS; head -c 3000000 /dev/zero | tr '\\0' x; echo; exec sleep 600", 20s, Kind::broken, "a line of more than"},
  };
  for (const Row& row : rows) {
    auto line = ask(row.script, row.time);
    ASSERT_FALSE(line) << row.script;
    EXPECT_EQ(line.error().kind, row.kind) << row.script;
    EXPECT_TRUE(line.error().what.contains(row.says)) << row.script << ": " << line.error().what;
    EXPECT_EQ(alive(), 0u) << row.script;
  }
}

TEST_F(InquiryTest, OneThatWillNotEndIsEnded) {
  EXPECT_FALSE(ask("trap '' TERM; echo $$ >$PIDS; while :; do sleep 600; done", 100ms));
  EXPECT_EQ(alive(), 0u);
}

TEST_F(InquiryTest, AnInterruptEndsItAndIsNotLost) {
  auto line = ask("echo $$ >$PIDS; kill -TERM $PPID; exec sleep 600");
  ASSERT_FALSE(line);
  EXPECT_EQ(line.error().what, "interrupted");
  EXPECT_EQ(alive(), 0u);
  sigset_t now;
  sigprocmask(SIG_BLOCK, nullptr, &now);
  EXPECT_FALSE(sigismember(&now, SIGTERM)) << "the signals were not given back";
}

TEST_F(InquiryTest, NoSuchCommand) {
  auto inquiry = Inquiry::start({"/no/such/server"}, within(1s));
  ASSERT_FALSE(inquiry);
  EXPECT_EQ(inquiry.error().kind, Kind::gone);
}

}  // namespace
}  // namespace notaus::gate
