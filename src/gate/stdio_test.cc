// The program itself, between this test as the client and tests/gate/fake_server.py, whose list of what ran is the only proof.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/fd.h"
#include "base/must.h"
#include "gate/test_world.h"

namespace notaus::gate {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kLong = 10s;  // a machine may be busy; nothing here waits that long unless it fails

class StdioTest : public testing::Test {
 protected:
  void start(std::vector<std::string> habits, std::vector<std::string> command = {}) {
    if (command.empty()) command = {FAKE_SERVER, ran_file()};
    std::vector<std::string> words = {NOTAUS_GATE, "mcp", "--state", world.path(), "--tenant", "acme", "--server", "fake", "--"};
    words.insert(words.end(), command.begin(), command.end());
    words.insert(words.end(), habits.begin(), habits.end());
    int in[2], out[2], err[2];
    make(in), make(out);
    must(pipe2(err, O_CLOEXEC) == 0);
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    pid = fork();
    if (pid == 0) {
      dup2(in[0], 0), dup2(out[1], 1), dup2(err[1], 2);
      execv(argv[0], argv.data());
      _exit(99);
    }
    close(in[0]), close(out[1]), close(err[1]);
    to = Fd(in[1]), from = Fd(out[0]), errors = Fd(err[0]);
  }
  ~StdioTest() override {
    if (pid > 0) kill(pid, SIGKILL), waitpid(pid, nullptr, 0);
  }

  // Node gives its children sockets, everyone else pipes.
  void make(int (&ends)[2]) const {
    must((sockets ? socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) : pipe2(ends, O_CLOEXEC)) == 0);
  }

  void say(const std::string& line) { must(write_all(to.get(), line + "\n").has_value()); }
  void call(int id, const std::string& tool) {
    say(R"({"jsonrpc":"2.0","id":)" + std::to_string(id) + R"(,"method":"tools/call","params":{"name":")" + tool + "\"}}");
  }

  std::string hear() {  // one line of its stdout; empty at its end
    std::string line;
    auto end = Clock::now() + kLong;
    while (Clock::now() < end) {
      if (auto newline = heard.find('\n'); newline != std::string::npos) {
        line = heard.substr(0, newline);
        heard.erase(0, newline + 1);
        return line;
      }
      pollfd one{from.get(), POLLIN, 0};
      if (poll(&one, 1, 100) != 1) continue;
      char block[65536];
      ssize_t n = read(from.get(), block, sizeof block);
      if (n <= 0) return "";
      heard.append(block, static_cast<std::size_t>(n));
    }
    return "timeout";
  }

  [[nodiscard]] int waiting() const {  // bytes of its stdout that nobody has heard
    int bytes = 0;
    return ioctl(from.get(), FIONREAD, &bytes) == 0 ? bytes : -1;
  }

  int exit_status() {
    auto end = Clock::now() + kLong;
    int status = 0;
    while (Clock::now() < end) {
      if (waitpid(pid, &status, WNOHANG) != pid) {
        std::this_thread::sleep_for(5ms);
        continue;
      }
      pid = -1;
      return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
    }
    return -1000;
  }
  double seconds_to_exit(int expected) {
    auto begin = Clock::now();
    EXPECT_EQ(exit_status(), expected);
    return std::chrono::duration<double>(Clock::now() - begin).count();
  }
  std::string said() {  // all of its stderr, once it has ended
    std::string text;
    char block[4096];
    for (ssize_t n; (n = read(errors.get(), block, sizeof block)) > 0;) text.append(block, static_cast<std::size_t>(n));
    return text;
  }

  [[nodiscard]] std::string ran_file() const { return world.path() + "/ran"; }
  [[nodiscard]] int ran(const std::string& what) const {
    std::ifstream file(ran_file());
    int count = 0;
    for (std::string line; std::getline(file, line);) count += line.starts_with(what);
    return count;
  }
  bool within(const std::function<bool()>& holds) {
    for (auto end = Clock::now() + kLong; Clock::now() < end; std::this_thread::sleep_for(2ms))
      if (holds()) return true;
    return false;
  }
  bool up() {
    return within([&] { return ran("up ") == 1; });
  }

  [[nodiscard]] pid_t number_of(const std::string& what) const {
    std::ifstream file(ran_file());
    std::string word;
    for (pid_t number; file >> word >> number;)
      if (word == what) return number;
    return 0;
  }
  bool ends(pid_t process) {
    return within([&] {
      std::ifstream stat("/proc/" + std::to_string(process) + "/stat");  // "pid (name) state …", gone when reaped
      std::string number, name, state;
      return !(stat >> number >> name >> state) || state == "Z";
    });
  }

  test::World world;
  bool sockets = false;
  pid_t pid = -1;
  Fd to, from, errors;
  std::string heard;
};

TEST_F(StdioTest, AStopStopsTheNextCallAndAResumeLetsItGo) {
  start({});
  call(1, "email.send");
  EXPECT_NE(hear().find("ran email.send"), std::string::npos);
  world.stop("disable_writes acme");
  call(2, "email.send");
  EXPECT_NE(hear().find(R"("text":"killed: writes_disabled:email.send\nNot executed)"), std::string::npos);
  call(3, "crm.find");
  EXPECT_NE(hear().find("ran crm.find"), std::string::npos);
  world.stop();
  call(4, "email.send");
  EXPECT_NE(hear().find("ran email.send"), std::string::npos);
  EXPECT_EQ(ran("email.send"), 2);
  EXPECT_EQ(ran("crm.find"), 1);
}

TEST_F(StdioTest, RejectedLinesReachNobodyAndTheSessionLives) {
  start({"noise"});
  EXPECT_EQ(hear(), "[INFO] up");
  EXPECT_EQ(hear(), "\xc3\xa9 noise {");
  say(R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","name":"b"}})");
  EXPECT_NE(hear().find(R"("error":{"code":-32600)"), std::string::npos);
  say(std::string(17 << 20, 'x'));
  EXPECT_NE(hear().find("longer than 16777216 bytes"), std::string::npos);
  call(2, "c");
  EXPECT_NE(hear().find("ran c"), std::string::npos);
  EXPECT_EQ(ran("a") + ran("b"), 0);
  to = Fd();
  EXPECT_EQ(exit_status(), 0);
  EXPECT_NE(said().find("notaus: rejected a line from the client: duplicate key"), std::string::npos);
}

TEST_F(StdioTest, ManyLinesAtOnceKeepTheirOrder) {
  start({});
  std::string lines;
  for (int i = 0; i < 500; ++i) lines += R"({"jsonrpc":"2.0","id":)" + std::to_string(i) + R"(,"method":"ping"})" + "\n";
  std::thread writer([&] { must(write_all(to.get(), lines).has_value()); });
  for (int i = 0; i < 500; ++i) EXPECT_EQ(hear(), R"({"jsonrpc": "2.0", "id": )" + std::to_string(i) + R"(, "result": {}})");
  writer.join();
}

TEST_F(StdioTest, ABigResultComesWholeToASlowClientAndADenialBehindIt) {
  start({});
  call(1, "big");
  ASSERT_TRUE(within([&] { return waiting() > 60'000; }));  // the pipe is full of it, and most of it is behind
  world.stop("stop_all *");
  call(2, "email.send");
  ASSERT_TRUE(within([&] { return world.denied() == 1; }));
  std::string big = hear();
  EXPECT_EQ(
      big.size(),
      (5u << 20) + std::string(R"({"result": {"content": [{"type": "text", "text": ""}]}, "jsonrpc": "2.0", "id": 1})").size());
  EXPECT_NE(hear().find("killed: stop_all"), std::string::npos);
  EXPECT_EQ(ran("email.send"), 0);
}

// The first line is more than the pipe holds: its first byte is gone and it stays in flight; the second waits.
class DeafServerTest : public StdioTest {
 protected:
  void SetUp() override {
    start({"deaf=" + world.path() + "/listen"});
    ASSERT_TRUE(up());
    say(R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"crm.find","arguments":")" + std::string(80'000, 'x') +
        "\"}}");
    call(2, "email.send");
    ASSERT_TRUE(within([&] { return world.in_flight() == "crm.find email.send "; }));
  }
  void listen() { std::ofstream(world.path() + "/listen"); }
};

TEST_F(DeafServerTest, AWaitingCallIsDeniedWhenTheStopComes) {
  world.stop("stop_all *");
  call(3, "email.send");
  for (const char* id : {"2", "3"})
    EXPECT_EQ(hear().find(R"({"jsonrpc":"2.0","id":)" + std::string(id) +
                          R"(,"result":{"content":[{"type":"text","text":"killed: stop_all)"),
              0u);
  EXPECT_EQ(world.in_flight(), "crm.find ");
  listen();
  EXPECT_NE(hear().find("ran crm.find"), std::string::npos);
  EXPECT_EQ(ran("email.send"), 0);
}

TEST_F(DeafServerTest, AWaitingCallIsLookedAtAgainThoughNobodyWokeUs) {
  world.stop_quietly("stop_all *");
  listen();
  std::string both = hear() + hear();
  EXPECT_NE(both.find("ran crm.find"), std::string::npos);
  EXPECT_NE(both.find("killed: stop_all"), std::string::npos);
  EXPECT_EQ(ran("email.send"), 0);
}

TEST_F(DeafServerTest, AWaitingCallGoesWhenTheServerListens) {
  listen();
  EXPECT_NE(hear().find("ran crm.find"), std::string::npos);
  EXPECT_NE(hear().find("ran email.send"), std::string::npos);
}

TEST_F(StdioTest, TheServerIsToldWhatItMayNotAsk) {
  start({});
  call(1, "ask");
  EXPECT_NE(hear().find("sampling/createMessage"), std::string::npos);
  EXPECT_NE(hear().find("ran ask"), std::string::npos);
  call(2, "silent");
  ASSERT_TRUE(within([&] { return ran("silent") == 1; }));
  world.stop("stop_all *");
  say(R"({"jsonrpc":"2.0","id":1,"result":{"role":"assistant"}})");
  EXPECT_TRUE(within([&] { return ran("heard \"killed: stop_all\"") == 1; }));
  EXPECT_EQ(world.in_flight(), "silent ");
}

TEST_F(StdioTest, TheEndOfStdinIsPassedOnAndTheStatusComesBack) {
  start({"exit=5"});
  call(1, "email.send");
  hear();
  to = Fd();
  EXPECT_LT(seconds_to_exit(5), 1.0);
  EXPECT_EQ(hear(), "");
}

TEST_F(StdioTest, AServerThatIgnoresTheEndIsTerminated) {
  start({"ignore-eof"});
  ASSERT_TRUE(up());
  to = Fd();
  double seconds = seconds_to_exit(128 + SIGTERM);
  EXPECT_GT(seconds, 1.2);
  EXPECT_LT(seconds, 2.0);
}

TEST_F(StdioTest, AServerThatIgnoresEverythingIsKilled) {
  start({"ignore-eof", "ignore-term"});
  ASSERT_TRUE(up());
  to = Fd();
  EXPECT_LT(seconds_to_exit(128 + SIGKILL), 4.0);
}

TEST_F(StdioTest, SignalsEndItAtOnce) {
  for (int signal : {SIGTERM, SIGINT, SIGHUP}) {
    std::filesystem::remove(ran_file());
    start({"ignore-eof"});
    ASSERT_TRUE(up());
    kill(pid, signal);
    EXPECT_LT(seconds_to_exit(128 + SIGTERM), 1.0);
  }
}

TEST_F(StdioTest, AGrandchildThatHoldsThePipeDoesNotHoldUs) {
  start({"orphan"});
  ASSERT_TRUE(up());
  to = Fd();
  EXPECT_LT(seconds_to_exit(0), 2.0);
  EXPECT_TRUE(ends(number_of("orphan")));
}

TEST_F(StdioTest, AClientThatReadsNoMoreEndsIt) {
  start({"exit=3"});
  from = Fd();
  call(1, "email.send");
  EXPECT_EQ(exit_status(), 3);
}

TEST_F(StdioTest, HalfALineAtTheEndIsNoLine) {
  start({});
  must(write_all(to.get(), R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"email.send"}})").has_value());
  to = Fd();
  EXPECT_EQ(exit_status(), 0);
  EXPECT_EQ(ran("email.send"), 0);
}

TEST_F(StdioTest, OnSocketsToo) {
  sockets = true;
  start({"exit=3"});
  call(1, "big");
  EXPECT_GT(hear().size(), 5u << 20);
  world.stop("disable_writes *");
  call(2, "email.send");
  EXPECT_NE(hear().find("killed: writes_disabled:email.send"), std::string::npos);
  to = Fd();
  EXPECT_EQ(exit_status(), 3);
}

TEST_F(StdioTest, WhenTheServerDiesSoDoWe) {
  start({});
  call(1, "die");
  EXPECT_EQ(hear(), "");
  EXPECT_EQ(exit_status(), 128 + SIGKILL);
  EXPECT_EQ(world.in_flight(), "");
}

TEST_F(StdioTest, WhenWeAreKilledTheServerIsNotLeft) {
  start({"ignore-eof"});
  ASSERT_TRUE(up());
  kill(pid, SIGKILL);
  EXPECT_EQ(exit_status(), -SIGKILL);
  EXPECT_TRUE(ends(number_of("up")));
}

TEST_F(StdioTest, ACommandThatCannotRunIsNamed) {
  start({}, {"/no/such/command"});
  EXPECT_EQ(exit_status(), 127);
  EXPECT_EQ(said(), "notaus: cannot run /no/such/command: No such file or directory\n");
  start({}, {"/etc/passwd"});
  EXPECT_EQ(exit_status(), 126);
  EXPECT_EQ(said(), "notaus: cannot run /etc/passwd: Permission denied\n");
}

}  // namespace
}  // namespace notaus::gate
