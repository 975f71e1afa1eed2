#include "gate/piped.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <fstream>
#include <thread>

#include <fmt/format.h>

#include "base/fd.h"
#include "base/test_within.h"
#include "gate/test_world.h"

namespace notaus::gate {
namespace {

// A server that reads nothing until it is told to go on, and then writes down what it gets.
class PipedTest : public testing::Test {
 protected:
  explicit PipedTest(const std::string& says = {}) {
    EXPECT_EQ(mkfifo(go.c_str(), 0600), 0);
    const std::string script = fmt::format("exec 3>&1; read x < {}; echo '{}'; exec cat > {}", go, says, got);
    piped = Piped::start(loop, guard, {"acme", "a"}, {.argv = {"/bin/sh", "-c", script}, .env = {}}).value();
    runner = std::thread([this] { loop.run(); });
  }
  ~PipedTest() override {
    on_loop([this] { piped->close(); });
    EXPECT_TRUE(within([this] { return on_loop([this] { piped->tick(boot_now()), ended = piped->ended(); }), ended.load(); }));
    loop.stop();
    runner.join();
  }

  void on_loop(std::function<void()> work) {
    std::atomic<bool> done = false;
    loop.post([&] { work(), done = true; });
    EXPECT_TRUE(within([&] { return done.load(); }));
  }
  // What it is told, once it is.
  using Heard = std::shared_ptr<std::atomic<std::optional<Told::What>>>;
  Heard hear(const std::string& line) {
    auto text = std::make_shared<std::string>(line);
    auto heard = std::make_shared<std::atomic<std::optional<Told::What>>>();
    on_loop([&] {
      piped->hear({.text = text, .message = *classify(*text), .way = std::to_string(++ways), .tell = [heard](const Told& told) {
                     *heard = told.what;
                   }});
    });
    return heard;
  }
  void let_it_read() const { std::ofstream(go) << "\n"; }
  [[nodiscard]] bool was_handed(std::string_view text) const { return read_file(got, 1 << 20).value_or("").contains(text); }

  test::World world;
  Guard guard = Guard::open({.state = world.path()});
  const std::string go = world.path() + "/go", got = world.path() + "/got";
  net::Loop loop;
  std::shared_ptr<Piped> piped;
  std::thread runner;
  std::atomic<bool> ended = false;
  int ways = 0;
};

// Nobody is told of this stop, so nothing but the look right before the write can see it.
TEST_F(PipedTest, ACallThatWaitedForThePipeIsLookedAtOnceMoreBeforeItGoes) {
  const std::string ping = R"({"jsonrpc":"2.0","id":1,"method":"ping","params":{"pad":")" + std::string(200'000, 'x') + "\"}}";
  const std::string call = R"({{"jsonrpc":"2.0","id":{},"method":"tools/call","params":{{"name":"{}"}}}})";
  hear(ping);  // more than the pipe holds
  hear(fmt::format(fmt::runtime(call), 2, "crm.find"));
  const Heard write = hear(fmt::format(fmt::runtime(call), 3, "email.send"));
  world.stop_quietly("disable_writes acme");
  let_it_read();
  EXPECT_TRUE(within([&] { return was_handed("crm.find"); })) << "a read goes on";
  EXPECT_TRUE(within([&] { return write->load() == Told::What::ruled; }));
  EXPECT_FALSE(was_handed("email.send"));
}

TEST_F(PipedTest, WithoutAStopItGoes) {
  const Heard write = hear(R"({"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"email.send"}})");
  let_it_read();
  EXPECT_TRUE(within([&] { return was_handed("email.send"); }));
  EXPECT_EQ(write->load(), std::nullopt);
}

// One that answers the second of two calls.
class AnsweringTest : public PipedTest {
 protected:
  AnsweringTest() : PipedTest(R"({"jsonrpc":"2.0","id":4,"result":{}})") {}
};

TEST_F(AnsweringTest, AnAnswerGoesToWhoAskedForIt) {
  const Heard first = hear(R"({"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"crm.find"}})");
  const Heard second = hear(R"({"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"name":"crm.find"}})");
  let_it_read();
  EXPECT_TRUE(within([&] { return second->load() == Told::What::answer; }));
  EXPECT_EQ(first->load(), std::nullopt);
}

// One that asks its client something before it reads.
class AskingTest : public PipedTest {
 protected:
  AskingTest() : PipedTest(R"({"jsonrpc":"2.0","id":"q","method":"elicitation/create","params":{}})") {}
  Heard asked = hear(R"({"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"crm.find"}})");
};

TEST_F(AskingTest, AStoppedAgentIsNotAskedAndTheServerIsToldSo) {
  world.stop("stop_all acme");
  let_it_read();
  EXPECT_TRUE(within([&] { return was_handed(R"("id":"q","error":)"); }));
  EXPECT_EQ(asked->load(), std::nullopt);
}

TEST_F(AskingTest, WithoutAStopItIs) {
  let_it_read();
  EXPECT_TRUE(within([&] { return asked->load() == Told::What::message; }));
}

}  // namespace
}  // namespace notaus::gate
