#include "app/apart.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <utility>

#include "base/fd.h"

namespace notaus::app {
namespace {

int told = -1;    // in the child: where the parent waits for the status
pid_t child = 0;  // in the parent

void hand_on(int signal) { kill(child, signal); }

[[noreturn]] void work_for(pid_t parent, Pipe pipe, const std::function<int()>& work) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
  told = pipe.write.get();
  const int status = work();
  std::fflush(nullptr);
  leave(status);
}

// As the child has ended, so do we.
int follow() {
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFSIGNALED(status)) return WEXITSTATUS(status);
  std::signal(WTERMSIG(status), SIG_DFL);
  return raise(WTERMSIG(status));
}

}  // namespace

bool answer(int status) {
  if (told < 0) return false;
  prctl(PR_SET_PDEATHSIG, 0);
  const int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) dup2(nowhere, stream);  // whose reader waits for their end
  const auto byte = static_cast<unsigned char>(status);
  return write(std::exchange(told, -1), &byte, 1) == 1;
}

void leave(int status) {
  (void)answer(status);
  _exit(status);
}

int apart(const std::function<int()>& work) {
  auto pipe = make_pipe();
  const pid_t parent = getpid();
  child = pipe ? fork() : -1;
  if (child < 0) return work();
  if (child == 0) work_for(parent, *std::move(pipe), work);
  std::signal(SIGINT, hand_on);  // what Ctrl-C means is known to whoever does the work
  pipe->write = Fd();
  unsigned char status = 0;
  ssize_t n = -1;
  while ((n = read(pipe->read.get(), &status, 1)) < 0 && errno == EINTR) {
  }
  return n == 1 ? status : follow();
}

}  // namespace notaus::app
