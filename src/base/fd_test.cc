#include "base/fd.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace notaus {
namespace {

constexpr int kStreams[] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};

TEST(Fd, NoFileIsTakenForAStandardStream) {
  auto opened = [](bool closed) {
    if (closed)
      for (int stream : kStreams) close(stream);
    const Result<Fd> file = open_file("/dev/null", O_RDONLY);
    _exit(file && file->get() > STDERR_FILENO && (fcntl(file->get(), F_GETFD) & FD_CLOEXEC) != 0 ? 7 : 1);
  };
  EXPECT_EXIT(opened(false), testing::ExitedWithCode(7), "");
  EXPECT_EXIT(opened(true), testing::ExitedWithCode(7), "");
}

TEST(Fd, StandardStreamsThatWereClosedAreFilled) {
  auto filled = [](std::initializer_list<int> closed) {
    for (int stream : closed) close(stream);
    fill_standard_streams();
    for (int stream : kStreams)
      if (fcntl(stream, F_GETFD) != 0) _exit(1);  // neither closed nor lost to an exec
    for (int stream : closed)
      if (write(stream, "x", 1) != 1) _exit(2);
    Result<Pipe> pipe = make_pipe();
    _exit(pipe && pipe->read.get() > STDERR_FILENO ? 7 : 3);
  };
  EXPECT_EXIT(filled({}), testing::ExitedWithCode(7), "");
  EXPECT_EXIT(filled({STDERR_FILENO}), testing::ExitedWithCode(7), "");
  EXPECT_EXIT(filled({STDIN_FILENO, STDERR_FILENO}), testing::ExitedWithCode(7), "");
  EXPECT_EXIT(filled({STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}), testing::ExitedWithCode(7), "");
}

}  // namespace
}  // namespace notaus
