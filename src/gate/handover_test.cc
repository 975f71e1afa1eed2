// One thread: the loop runs until the test has been told all.
#include "gate/handover.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "net/address.h"

namespace notaus::gate {
namespace {

using net::Task;

class HandOver : public testing::Test {
 protected:
  // What came of a request; `may` as hand_over asks it.
  template <class May>
  Result<HandedOver> sent(May may) {
    Result<HandedOver> out;
    auto run = [](HandOver& test, May asked, Result<HandedOver>& into) -> Task<> {
      std::array pieces = {net::piece("hello")};
      into = co_await hand_over(test.pool_, pieces, asked);
      test.loop_.stop();
    };
    loop_.context().restart();
    loop_.start(run(*this, may, out));
    loop_.run();
    return out;
  }
  Fd accepted() { return Fd(accept(listener_.get(), nullptr, nullptr)); }

  // As a server does whose patience is over: what is under way to it meets a reset.
  static void reset(Fd& connection) {
    const linger at_once{1, 0};
    setsockopt(connection.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    connection = Fd();
  }
  static std::string heard(const Fd& connection) {
    std::array<char, 64> bytes;
    const ssize_t count = read(connection.get(), bytes.data(), bytes.size());
    return count > 0 ? std::string(bytes.data(), static_cast<std::size_t>(count)) : "nothing";
  }

  net::Loop loop_;
  Fd listener_ = *net::listen_on("127.0.0.1:0");
  net::Pool pool_{loop_, *net::parse_origin("http://" + net::bound_address(listener_.get()))};
};

TEST_F(HandOver, WhatTheLastLookForbidsIsNotSent) {
  auto denied = sent([] { return false; });
  ASSERT_TRUE(denied);
  EXPECT_EQ(denied->link, nullptr);
  auto passed = sent([] { return true; });
  ASSERT_TRUE(passed && passed->link);
  Fd connection = accepted();
  EXPECT_EQ(heard(connection), "hello") << "once, on the connection that was there";
}

TEST_F(HandOver, AConnectionClosedMeanwhileIsReplacedAndTheLastLookRepeated) {
  auto first = sent([] { return true; });
  ASSERT_TRUE(first && first->link);
  pool_.give_back(std::move(first->link));
  Fd old = accepted();
  int looks = 0;
  auto second = sent([&] {
    if (++looks == 1) reset(old);
    return true;
  });
  ASSERT_TRUE(second && second->link) << second.error().what;
  EXPECT_EQ(looks, 2);
  EXPECT_EQ(heard(accepted()), "hello");
}

TEST_F(HandOver, ANewConnectionThatTakesNothingIsTrouble) {
  Fd connection;
  auto failed = sent([&] {
    connection = accepted();
    reset(connection);
    return true;
  });
  EXPECT_FALSE(failed);
}

}  // namespace
}  // namespace notaus::gate
