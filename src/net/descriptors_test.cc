#include "net/descriptors.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "net/address.h"

namespace notaus::net {
namespace {

TEST(Descriptors, TheLastAreKeptBack) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const int most = static_cast<int>(limit.rlim_cur);
  EXPECT_FALSE(kept_back(0));
  EXPECT_FALSE(kept_back(most - kKeptBack - 1));
  EXPECT_TRUE(kept_back(most - kKeptBack));
  EXPECT_TRUE(kept_back(most - 1));
}

int option(const Fd& socket, int level, int name) {
  int value = 0;
  socklen_t size = sizeof value;
  EXPECT_EQ(getsockopt(socket.get(), level, name, &value, &size), 0);
  return value;
}

// A peer that has gone without a word is found out, by the kernel; here is only whether it was asked to.
TEST(Descriptors, WhoFallsSilentIsFoundOut) {
  const Fd peer(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  prepare(peer.get(), 120'000'000'000);
  EXPECT_EQ(option(peer, SOL_SOCKET, SO_KEEPALIVE), 1);
  EXPECT_EQ(option(peer, IPPROTO_TCP, TCP_USER_TIMEOUT), 120'000);
}

}  // namespace
}  // namespace notaus::net
