#include "gate/tree.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <sstream>

#include "base/clock.h"
#include "gate/process.h"

namespace notaus::gate {
namespace {

namespace fs = std::filesystem;

void children_of(pid_t pid, std::vector<pid_t>& out) {
  std::error_code error;
  for (const auto& thread : fs::directory_iterator("/proc/" + std::to_string(pid) + "/task", error)) {
    std::istringstream children(read_file(thread.path().string() + "/children", 1 << 20).value_or(""));
    for (pid_t child; children >> child;) out.push_back(child);
  }
}

// Where the v2 hierarchy is mounted, and our place in it. Empty: nowhere.
std::string own_cgroup() {
  auto mounts = read_file("/proc/self/mountinfo", 1 << 20), groups = read_file("/proc/self/cgroup", 1 << 16);
  if (!mounts || !groups) return {};
  std::string mount, path;
  std::istringstream mount_lines(*mounts), group_lines(*groups);
  for (std::string line; std::getline(mount_lines, line);) {
    std::istringstream words(line);
    std::string skipped, root, point;
    words >> skipped >> skipped >> skipped >> root >> point;
    if (line.contains(" - cgroup2 ") && root == "/") mount = point;
  }
  for (std::string line; std::getline(group_lines, line);)
    if (line.starts_with("0::")) path = line.substr(3);
  return mount.empty() || path.empty() ? std::string() : mount + (path == "/" ? "" : path);
}

constexpr std::string_view kOurs = "/notaus-run-";

// Left behind by a gate that was killed. One that is in use is not empty, and stays.
void sweep(const std::string& own) {
  std::error_code error;
  for (const auto& group : fs::directory_iterator(own, error)) {
    const std::string path = group.path();
    const std::size_t at = path.rfind(kOurs);
    if (at != std::string::npos && !fs::exists("/proc/" + path.substr(at + kOurs.size()), error)) rmdir(path.c_str());
  }
}

}  // namespace

Tree::Tree() {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  const std::string own = own_cgroup();
  if (own.empty()) return;
  sweep(own);
  const std::string made = own + std::string(kOurs) + std::to_string(getpid());
  if (mkdir(made.c_str(), 0755) != 0) return;
  cgroup_ = made;
  if (auto procs = open_file(made + "/cgroup.procs", O_WRONLY)) procs_ = *std::move(procs);
}

Tree::~Tree() {
  if (!cgroup_.empty()) rmdir(cgroup_.c_str());
}

void Tree::enter() const {
  if (procs_) (void)!write(procs_.get(), "0", 1);  // refused: the walk through /proc finds us all the same
}

std::vector<Tree::Process> Tree::members() const {
  std::vector<pid_t> pids = {getpid()};
  for (std::size_t i = 0; i < pids.size(); ++i) children_of(pids[i], pids);
  std::vector<Process> out;
  for (std::size_t i = 1; i < pids.size(); ++i)
    if (auto stat = stat_of(pids[i]); stat && stat->state != 'Z' && stat->state != 'X') out.push_back({pids[i], stat->started});
  return out;
}

void Tree::send(const Process& process, int number) {
  Fd pidfd(static_cast<int>(syscall(SYS_pidfd_open, process.pid, 0)));
  if (!pidfd) return;
  auto now = stat_of(process.pid);
  if (now && now->started == process.started) (void)syscall(SYS_pidfd_send_signal, pidfd.get(), number, nullptr, 0);
}

void Tree::signal(int number) const {
  for (const Process& process : members()) send(process, number);
}

void Tree::kill_all() const {
  if (!cgroup_.empty())
    if (auto kill = open_file(cgroup_ + "/cgroup.kill", O_WRONLY)) (void)!write(kill->get(), "1", 1);
  // Until none is found: one may have been born while we looked. Where each starts the next and ends, every one of them is soon our own
  // child; to find and kill those takes a hundredth of the walk, and must take less than a link of that chain lives.
  for (const BootTime give_up{boot_now().ns + 50'000'000}; !members().empty() && boot_now() < give_up;) {
    for (int look = 0; look < 100; ++look) kill_children();
    signal(SIGKILL);
  }
}

// Whom we have not reaped yet cannot be mistaken for anybody else.
void Tree::kill_children() {
  std::vector<pid_t> pids;
  children_of(getpid(), pids);
  for (pid_t pid : pids) ::kill(pid, SIGKILL);
}

bool Tree::empty(const std::function<void(pid_t, int status)>& ended) const {
  int status = 0;
  pid_t pid;
  while ((pid = waitpid(-1, &status, WNOHANG | __WALL)) > 0) ended(pid, status);
  return pid < 0 && errno == ECHILD;
}

}  // namespace notaus::gate
