#include "gate/child.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <ctime>

namespace notaus::gate {
namespace {

constexpr std::int64_t kMs = 1'000'000;

// dup2 of a descriptor onto itself would leave it close-on-exec.
bool becomes(int fd, int number) { return fd == number ? fcntl(fd, F_SETFD, 0) == 0 : dup2(fd, number) == number; }

// In the forked child: async-signal-safe calls only. Returns only if the command cannot be executed.
int execute(char* const* argv, const Birth& birth, int go, pid_t parent) {
  if (birth.own_group) setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, birth.death_signal);
  if (getppid() != parent) return ECANCELED;  // it died before the line above
  if (birth.enter) birth.enter();
  if (birth.in >= 0 && !becomes(birth.in, STDIN_FILENO)) return errno;
  if (birth.out >= 0 && !becomes(birth.out, STDOUT_FILENO)) return errno;
  char word = 0;
  if (read(go, &word, 1) != 1) return ECANCELED;
  signal(SIGPIPE, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  execvp(argv[0], argv);
  return errno;
}

Result<> await_exec(const Fd& verdict, const std::string& command) {
  int error = 0;
  ssize_t n = read(verdict.get(), &error, sizeof error);
  if (n == 0) return {};  // closed by a successful exec
  Trouble trouble = os_trouble(command, error);
  if (trouble.kind != Kind::gone) trouble.kind = Kind::refused;
  return std::unexpected(trouble);
}

void rest(std::int64_t ns) {
  timespec time{0, ns};
  nanosleep(&time, nullptr);
}

}  // namespace

int shell_status(int status) { return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status); }

Result<pid_t> start(const std::vector<std::string>& argv, const Birth& birth) {
  auto go = make_pipe(), verdict = make_pipe();
  if (!go || !verdict) return trouble(Kind::refused, argv[0] + ": no pipe to talk to it");
  std::vector<char*> words;
  for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);

  pid_t parent = getpid();
  pid_t pid = fork();
  if (pid < 0) return std::unexpected(os_trouble(argv[0], errno));
  if (pid == 0) {
    go->write = Fd();
    int error = execute(words.data(), birth, go->read.get(), parent);
    [[maybe_unused]] ssize_t n = write(verdict->write.get(), &error, sizeof error);
    _exit(127);
  }
  if (birth.own_group) setpgid(pid, pid);  // also here: whoever comes first
  verdict->write = Fd();
  const bool goes = !birth.last_look || birth.last_look();
  if (goes) (void)!write(go->write.get(), "g", 1);
  go->write = Fd();
  if (auto runs = await_exec(verdict->read, argv[0]); !runs) {
    waitpid(pid, nullptr, 0);
    return goes ? Result<pid_t>(std::unexpected(runs.error())) : trouble(Kind::retry, argv[0] + ": the last look said no");
  }
  return pid;
}

Result<Child> spawn(const std::vector<std::string>& argv, std::function<void()> enter) {
  auto in = make_pipe(), out = make_pipe();
  if (!in || !out) return trouble(Kind::refused, argv[0] + ": no pipe to talk to it");
  auto pid = start(
      argv, {.in = in->read.get(), .out = out->write.get(), .own_group = true, .death_signal = SIGTERM, .enter = std::move(enter)});
  if (!pid) return std::unexpected(pid.error());
  fcntl(in->write.get(), F_SETFL, O_NONBLOCK);
  fcntl(out->read.get(), F_SETFL, O_NONBLOCK);
  return Child{*pid, std::move(in->write), std::move(out->read)};
}

Result<Child> spawn_apart(const std::vector<std::string>& argv, const std::map<std::string, std::string>& env,
                          const std::function<void()>& enter) {
  std::vector<std::string> lines;
  for (const auto& [name, value] : env) lines.push_back(std::string(name).append("=").append(value));
  for (char** line = environ; *line != nullptr; ++line)
    if (const std::string_view all(*line); !env.contains(std::string(all.substr(0, all.find('='))))) lines.emplace_back(all);
  std::vector<char*> block;
  for (std::string& line : lines) block.push_back(line.data());
  block.push_back(nullptr);
  return spawn(argv, [&block, &enter] {
    if (enter) enter();
    environ = block.data();
    close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC);  // accept(2) of Asio gives descriptors that an exec would keep
  });
}

void adopt_orphans() { prctl(PR_SET_CHILD_SUBREAPER, 1); }

bool reap(const Child& child) {
  while (true) {
    siginfo_t info{};
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) return false;
    if (info.si_pid == child.pid) return true;
    waitpid(info.si_pid, nullptr, 0);
  }
}

int finish(const Child& child) {
  int status = 0;
  if (waitpid(child.pid, &status, WNOHANG) == 0) status = SIGKILL;  // it does not even die of that
  kill(-child.pid, SIGTERM);
  for (int tries = 0; tries < 30 && kill(-child.pid, 0) == 0; ++tries) {
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    rest(10 * kMs);
  }
  kill(-child.pid, SIGKILL);
  return shell_status(status);
}

void Ending::term_by(BootTime at) {
  if (step_ != Step::term || (step_at_ && *step_at_ <= at)) return;
  step_at_ = at;
}

void Ending::asked(BootTime now) { term_by({now.ns + 1500 * kMs}); }
void Ending::insisted(BootTime now) { term_by(now); }
void Ending::ended(BootTime now) { term_by({now.ns + 500 * kMs}); }

int Ending::signal_due(BootTime now) {
  if (!step_at_ || now < *step_at_) return 0;
  switch (step_) {
    case Step::term:
      step_ = Step::kill;
      step_at_ = BootTime{now.ns + 1000 * kMs};
      return SIGTERM;
    case Step::kill:
      step_ = Step::give_up;
      step_at_ = BootTime{now.ns + 500 * kMs};
      return SIGKILL;
    case Step::give_up: step_ = Step::over; return 0;
    case Step::over: return 0;
  }
  return 0;
}

}  // namespace notaus::gate
