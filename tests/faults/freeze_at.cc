// freeze_at FD N alone COMMAND ARGUMENT…      becomes COMMAND and stops it, with every thread, at its N-th boundary of a system call
// freeze_at FD N family COMMAND ARGUMENT…     the same with all its children
// freeze_at FD N pid PID                      the same with a process that runs already
//
// A boundary is where a system call begins or ends. What happened is told on FD: `attached TRACER` once it counts, then `frozen
// entering|leaving NUMBER`, or `ended COUNT` if there are fewer boundaries. The stopped goes on when TRACER is killed. Not SIGSTOP, which takes hold on the way out of a call: what lies between two calls, a flip of a word in
// shared memory say, would always be done or never.
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>

namespace {

constexpr long kThreads = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;
constexpr long kChildren = PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK;

class Tracer {
 public:
  Tracer(int told, long boundary) : told_(told), boundary_(boundary) {}

  bool seize(pid_t thread, long options) {
    if (ptrace(PTRACE_SEIZE, thread, 0, options) != 0 || ptrace(PTRACE_INTERRUPT, thread, 0, 0) != 0) return false;
    running_.insert(thread);
    return true;
  }

  // Until every thread that was seized runs under our eyes.
  void attach() {
    for (const std::set<pid_t> seized = running_; pid_t thread : seized) {
      int status = 0;
      if (waitpid(thread, &status, __WALL) == thread && WIFSTOPPED(status)) ptrace(PTRACE_SYSCALL, thread, 0, 0);
    }
    tell("attached " + std::to_string(getpid()) + "\n");
  }

  void run() {
    int status = 0;
    for (pid_t thread; (thread = waitpid(-1, &status, __WALL)) > 0;) {
      if (!WIFSTOPPED(status)) {
        running_.erase(thread);
        continue;
      }
      running_.insert(thread);
      if (WSTOPSIG(status) == (SIGTRAP | 0x80) && ++seen_ == boundary_) return freeze(thread);
      go_on(thread, status);
    }
    tell("ended " + std::to_string(seen_) + "\n");
  }

 private:
  void go_on(pid_t thread, int status) {
    const int signal = WSTOPSIG(status), event = status >> 16;
    if (signal == (SIGTRAP | 0x80)) note_call(thread);
    if (event == PTRACE_EVENT_STOP && signal != SIGTRAP) {  // stopped by a signal: stays so
      ptrace(PTRACE_LISTEN, thread, 0, 0);
      return;
    }
    const bool theirs = event == 0 && signal != (SIGTRAP | 0x80);
    ptrace(PTRACE_SYSCALL, thread, 0, theirs ? signal : 0);
  }

  __ptrace_syscall_info note_call(pid_t thread) {
    __ptrace_syscall_info info{};
    ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof info, &info);
    if (info.op == PTRACE_SYSCALL_INFO_ENTRY) call_[thread] = info.entry.nr;
    return info;
  }

  void freeze(pid_t at) {
    running_.erase(at);
    for (pid_t thread : running_) ptrace(PTRACE_INTERRUPT, thread, 0, 0);
    while (!running_.empty()) {
      int status = 0;
      const pid_t thread = waitpid(-1, &status, __WALL);
      if (thread <= 0) break;
      running_.erase(thread);
    }
    const char* side = note_call(at).op == PTRACE_SYSCALL_INFO_ENTRY ? "entering" : "leaving";
    tell(std::string("frozen ") + side + " " + std::to_string(call_[at]) + "\n");
    while (true) pause();
  }

  void tell(const std::string& line) const { (void)!write(told_, line.data(), line.size()); }

  int told_;
  long boundary_, seen_ = 0;
  std::set<pid_t> running_;
  std::map<pid_t, std::uint64_t> call_;
};

// In a process that is no child of what it watches: nothing may find a child it did not make.
template <class Work>
void apart(Work work) {
  if (const pid_t between = fork(); between != 0) {
    waitpid(between, nullptr, 0);
    return;
  }
  if (fork() == 0) work();
  _exit(0);
}

[[noreturn]] void become(char** command, int told, long boundary, long options) {
  prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
  const pid_t watched = getpid();
  int ready[2];
  if (pipe(ready) != 0) std::exit(1);
  apart([&] {
    close(ready[0]);
    setsid();
    Tracer tracer(told, boundary);
    if (!tracer.seize(watched, options)) _exit(1);
    tracer.attach();
    close(ready[1]);
    for (int stream : {0, 1, 2}) close(stream);
    tracer.run();
  });
  close(ready[1]);
  char nothing = 0;
  (void)!read(ready[0], &nothing, 1);
  close(ready[0]);
  close(told);
  execvp(command[0], command);
  std::perror(command[0]);
  std::exit(127);
}

int watch(pid_t process, int told, long boundary) {
  Tracer tracer(told, boundary);
  for (const auto& thread : std::filesystem::directory_iterator("/proc/" + std::to_string(process) + "/task"))
    if (!tracer.seize(std::stoi(thread.path().filename().string()), kThreads)) return 1;
  tracer.attach();
  tracer.run();
  return 0;
}

}  // namespace

int main(int count, char** words) {
  if (count < 5) return 2;
  const int told = std::atoi(words[1]);
  const long boundary = std::atol(words[2]);
  const std::string_view whom = words[3];
  if (whom == "pid") return watch(std::atoi(words[4]), told, boundary);
  become(words + 4, told, boundary, whom == "family" ? kThreads | kChildren : kThreads);
}
