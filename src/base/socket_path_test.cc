#include "base/socket_path.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

namespace notaus {
namespace {

class SocketPathTest : public testing::Test {
 protected:
  SocketPathTest() { std::filesystem::create_directories(directory); }
  ~SocketPathTest() override { std::filesystem::remove_all(directory); }

  // A path of that length, its directory made.
  std::string path_of(std::size_t length) const {
    std::string path = directory;
    while (length - path.size() > 100) path += "/" + std::string(90, 'd');
    std::filesystem::create_directories(path);
    return path + "/" + std::string(length - path.size() - 1, 's');
  }

  const std::string directory = testing::TempDir() + "notaus-socket-" + std::to_string(getpid());
};

TEST_F(SocketPathTest, OneOfAnyLengthIsBoundAndFound) {
  for (std::size_t length : {50, 107, 108, 200, 3000}) {
    const std::string path = path_of(length);
    ASSERT_EQ(path.size(), length);
    Fd listener(socket(AF_UNIX, SOCK_STREAM, 0)), client(socket(AF_UNIX, SOCK_STREAM, 0));
    {
      const auto at = SocketPath::of(path);
      ASSERT_TRUE(at) << at.error().what;
      ASSERT_EQ(bind(listener.get(), at->address(), at->size()), 0) << length;
      ASSERT_EQ(listen(listener.get(), 1), 0);
    }
    struct stat file{};
    ASSERT_EQ(stat(path.c_str(), &file), 0) << length;
    EXPECT_TRUE(S_ISSOCK(file.st_mode));
    const auto at = SocketPath::of(path);
    EXPECT_EQ(connect(client.get(), at->address(), at->size()), 0) << length;
  }
}

TEST_F(SocketPathTest, SaysWhyThereIsNone) {
  EXPECT_EQ(SocketPath::of(path_of(60) + std::string(200, 'x')).error().kind, Kind::refused);
  EXPECT_EQ(SocketPath::of(std::string(200, 'x')).error().kind, Kind::refused);
  EXPECT_EQ(SocketPath::of(directory + "/" + std::string(100, 'x') + "/control").error().kind, Kind::gone);
}

}  // namespace
}  // namespace notaus
