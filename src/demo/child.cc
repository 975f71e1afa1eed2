#include "demo/child.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <sstream>

namespace notaus::demo {
namespace {

// In the forked child.
[[noreturn]] void become(char* const* argv, int in, int out, Child::Stderr where, pid_t parent) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(127);  // it died before the line above
  dup2(in, STDIN_FILENO);
  dup2(out, STDOUT_FILENO);
  if (where == Child::Stderr::with_stdout) dup2(out, STDERR_FILENO);
  signal(SIGPIPE, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  execvp(argv[0], argv);
  _exit(127);
}

}  // namespace

Result<Child> Child::start(std::vector<std::string> argv, Stderr where) {
  auto in = make_pipe(), out = make_pipe();
  if (!in || !out) return trouble(Kind::retry, argv[0] + ": no pipe to talk to it");
  std::vector<char*> words;
  for (std::string& word : argv) words.push_back(word.data());
  words.push_back(nullptr);
  pid_t parent = getpid();
  pid_t pid = fork();
  if (pid < 0) return std::unexpected(os_trouble(argv[0], errno));
  if (pid == 0) become(words.data(), in->read.get(), out->write.get(), where, parent);
  setpgid(pid, pid);  // also here: whoever comes first
  Fd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd) {
    kill(-pid, SIGKILL);
    return std::unexpected(os_trouble("pidfd_open", errno));
  }
  return Child(pid, std::move(pidfd), std::move(in->write), std::move(out->read));
}

Child::~Child() {
  if (pidfd_) end(std::chrono::milliseconds(500));
}

Result<> Child::tell(const std::string& line) { return write_all(in_.get(), line + "\n"); }

void Child::hear() {
  char chunk[16 << 10];
  ssize_t n = read(out_.get(), chunk, sizeof chunk);
  if (n > 0) heard_.append(chunk, static_cast<std::size_t>(n));
  if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN)) out_ = Fd();
}

std::optional<std::string> Child::next_line() {
  std::size_t end = heard_.find('\n');
  if (end == std::string::npos) return std::nullopt;
  std::string line = heard_.substr(0, end);
  heard_.erase(0, end + 1);
  return line;
}

bool Child::ended() {
  int status = 0;
  if (!status_ && waitpid(pid_, &status, WNOHANG) == pid_)
    status_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return status_.has_value();
}

bool Child::ends_within(std::chrono::milliseconds patience) {
  pollfd fd{pidfd_.get(), POLLIN, 0};
  poll(&fd, 1, static_cast<int>(patience.count()));
  return ended();
}

void Child::end(std::chrono::milliseconds patience) {
  hang_up();
  out_ = Fd();  // one that is stuck writing to us ends of that
  if (ended()) return;
  if (ends_within(patience)) return;
  kill(-pid_, SIGTERM);
  if (ends_within(std::chrono::seconds(1))) return;
  kill(-pid_, SIGKILL);
  ends_within(std::chrono::seconds(1));
}

void adopt_orphans() { prctl(PR_SET_CHILD_SUBREAPER, 1); }

void end_orphans() {
  for (int round = 0; round < 100; ++round) {
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    auto children = read_file("/proc/thread-self/children");  // each kill may hand us the children of the killed
    if (!children || children->empty()) return;
    std::istringstream pids(*children);
    for (pid_t pid; pids >> pid;) kill(pid, round < 50 ? SIGTERM : SIGKILL);
    poll(nullptr, 0, 10);
  }
}

}  // namespace notaus::demo
