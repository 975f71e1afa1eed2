#include "gate/heir.h"

#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <ctime>
#include <map>

#include "gate/process.h"

namespace notaus::gate {
namespace {

constexpr timespec kMoment{1, 0};  // for those who end when they are told to

// A number that is free again may have become another's: its leader has begun at another time then.
using Groups = std::map<pid_t, std::string>;  // when its leader began

void keep_book(int will, Groups& groups) {
  pid_t entry = 0;
  ssize_t n;
  while ((n = read(will, &entry, sizeof entry)) == sizeof entry || (n < 0 && errno == EINTR)) {
    if (n < 0) continue;
    if (entry < 0) {
      groups.erase(-entry);
    } else if (auto stat = stat_of(entry)) {
      groups[entry] = stat->started;
    }
  }
}

void kill_all(const Groups& groups) {
  for (const auto& [group, started] : groups)
    if (auto leader = stat_of(group); !leader || leader->started == started) kill(-group, SIGKILL);
}

[[noreturn]] void wait_and_see(const Fd& will) {
  setsid();  // what a terminal or a shell sends to us is not for it
  prctl(PR_SET_NAME, "notaus-heir");
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, nullptr);
  const int kept = dup2(will.get(), STDIN_FILENO);
  close_range(STDIN_FILENO + 1, ~0u, 0);
  Groups groups;
  keep_book(kept, groups);
  if (!groups.empty()) nanosleep(&kMoment, nullptr);
  kill_all(groups);
  _exit(0);
}

}  // namespace

Result<Heir> Heir::make() {
  auto will = make_pipe();
  if (!will) return std::unexpected(will.error());
  const pid_t pid = fork();
  if (pid < 0) return std::unexpected(os_trouble("the process that ends servers", errno));
  if (pid == 0) {
    will->write = Fd();
    if (fork() == 0) wait_and_see(will->read);  // nobody's child, so that nobody has to bury it
    _exit(0);
  }
  waitpid(pid, nullptr, 0);
  return Heir(std::move(will->write));
}

void Heir::write_down_self() const {
  const pid_t group = getpid();
  (void)!write(will_.get(), &group, sizeof group);
}

void Heir::strike_out(pid_t group) const {
  const pid_t entry = -group;
  (void)!write(will_.get(), &entry, sizeof entry);
}

}  // namespace notaus::gate
