// guards WHAT [NUMBER] STATE: a customer's process with a guard of its own, in the shapes that processes come in. Each prints what it did
// itself, which the log, the scan and the stop must agree with, and waits for a line on its standard input where it says "ready".
//
//   crowd N     N processes, each a point
//   table       every slot in use, and some calls too many
//   burst N     N writes and as many denials as fast as they go: more than the ring takes between two rounds of the watcher
//   flow N      the same no faster than the watcher can follow: more than the spool takes before anyone drains it
//   flood N R   N threads that are denied R times a second together, and count that in FILE (before STATE), until somebody kills them
//   odd         tenants, agents, runs and tools of any bytes: each has a write that is done, one in flight, and, at the next word, one more
//   workers N   a pre-fork server: half of its workers forked before the guard was opened, half after; each holds one call
//   parent      holds a call, forks a child that holds one too, and is killed
//   exec        forks a child that holds a call and becomes another program
//   leaves      holds a call; at a word it ends that, asks for another and ends in order
//   sends       at each line: a call that is admitted, looks again and sends "sent"; or "denied"
//   strict      admits and ends a million calls where any system call is death, then makes one
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include <notaus/guard.hpp>

namespace {

using namespace notaus;

constexpr Call kSend{.tool = "email.send", .effect = Effect::write};
constexpr Call kFind{.tool = "crm.find", .effect = Effect::read};

Guard open(const std::string& state, const std::string& agent) {
  return Guard::open({.state = state, .tenant = "acme", .agent = agent});
}

void wait_for_word() {
  char c = 0;
  while (read(STDIN_FILENO, &c, 1) == 1 && c != '\n') {
  }
}

void ready(const std::string& facts = {}) {
  std::printf("ready %s\n", facts.c_str());
  std::fflush(stdout);
  wait_for_word();
}

template <class Work>
pid_t child(Work work) {
  const pid_t pid = fork();
  if (pid != 0) return pid;
  work();
  _exit(0);
}

// A pipe whose end tells all children at once that it is over.
struct Over {
  int ends[2];
  Over() { (void)!pipe(ends); }
  void wait() const {
    close(ends[1]);
    char c = 0;
    (void)!read(ends[0], &c, 1);
  }
};

// Children that have done what they should write a byte here.
struct Count {
  int ends[2];
  Count() { (void)!pipe(ends); }
  void one() const { (void)!write(ends[1], "x", 1); }
  void wait_for(long n) const {
    for (char c = 0; n > 0 && read(ends[0], &c, 1) == 1; --n) {
    }
  }
};

int crowd(long n, const std::string& state) {
  Over over;
  Count there;
  for (long i = 0; i < n; ++i)
    child([&] {
      Guard guard = open(state, "crowd");
      Admission call = guard.admit(kFind);
      if (call) there.one();
      over.wait();
      if (call) call.permit().done(Outcome::done);
    });
  there.wait_for(n);
  ready(std::to_string(n));
  close(over.ends[1]);
  while (wait(nullptr) > 0) {
  }
  return 0;
}

int table(const std::string& state) {
  Guard guard = open(state, "table");
  std::vector<Permit> held;
  long denied = 0;
  for (int i = 0; i < 1500; ++i) {
    Admission call = guard.admit(kFind);
    if (call)
      held.push_back(std::move(call.permit()));
    else
      denied += call.denial().reason == "killed: fenced:slots_full";
  }
  ready(std::to_string(held.size()) + " " + std::to_string(denied));
  for (Permit& permit : held) permit.done(Outcome::done);
  ready(guard.admit(kFind) ? "admits" : "denies");
  return 0;
}

enum class Pace { flat_out, as_the_watcher_can };
int burst(long n, Pace pace, const std::string& state) {
  Guard guard = open(state, "burst");
  for (int round = 0; round < 2; ++round) {
    long admitted = 0;
    for (long i = 0; i < n; ++i) {
      Admission call = guard.admit(kSend);
      admitted += static_cast<bool>(call);
      if (call) call.permit().done(Outcome::done);
      if (pace == Pace::as_the_watcher_can && i % 128 == 0) usleep(2000);
    }
    ready(std::to_string(admitted) + " " + std::to_string(n - admitted));
  }
  return 0;
}

const std::string kOdd[] = {"\x1b[2J\x1b[31mred",
                            "line\nbreak",
                            "end\r\n{\"kind\":\"stop\"}",
                            "csi\u009b2J",
                            "\u202egnp.exe",
                            "bad\xff\xfe\xc0\xaf",
                            "quote\"},{\"kind\":\"stop",
                            "back\\slash\\",
                            "tab\tbell\a",
                            "\u2028sep\u2029",
                            "<script>alert(1)</script>",
                            "&amp;'\"><img src=x>",
                            "{{#rows}}{{{.}}}",
                            "$(reboot)`id`",
                            "a,b;c|d=e]f",
                            std::string("nul\0x", 5),
                            "iso\u2066late\u2069\u200f",
                            "tag\U000E0041\U000E0042",
                            "del\x7f",
                            ""};

int odd(const std::string& state) {
  Guard guard = Guard::open({.state = state, .name = "odd\x1b[31m\n\u202e"});
  auto call = [](const std::string& name) {
    return Call{.tenant = name, .agent = name, .run = name, .tool = name, .effect = Effect::write, .args = name};
  };
  std::vector<Admission> held;
  for (const std::string& name : kOdd) {
    if (Admission done = guard.admit(call(name))) done.permit().done(Outcome::done);
    held.push_back(guard.admit(call(name)));
  }
  ready();
  long denied = 0;
  for (const std::string& name : kOdd) denied += !guard.admit(call(name));
  ready(std::to_string(denied) + " " + std::to_string(std::size(kOdd)));
  return 0;
}

// What each thread has done, where a kill does not reach it: asked first, then answered.
struct Asked {
  std::atomic<std::uint64_t> begun, answered;
};

int flood(long n, long per_second, const std::string& path, const std::string& state) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0600);
  const std::size_t size = static_cast<std::size_t>(n) * sizeof(Asked);
  if (ftruncate(file, static_cast<off_t>(size)) != 0) return 3;
  auto* counts = static_cast<Asked*>(mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0));
  Guard guard = open(state, "flood");
  std::vector<std::thread> threads;
  for (long thread = 0; thread < n; ++thread)
    threads.emplace_back([&, own = counts + thread] {
      constexpr auto kBatch = std::chrono::milliseconds(10);
      const long batch = std::max(1L, per_second / n / 100);
      for (auto next = std::chrono::steady_clock::now();; std::this_thread::sleep_until(next += kBatch))
        for (long i = 0; i < batch; ++i) {
          own->begun.fetch_add(1);
          if (!guard.admit(kSend)) own->answered.fetch_add(1);
        }
    });
  ready();
  for (std::thread& thread : threads) thread.join();
  return 0;
}

int workers(long n, const std::string& state) {
  Over over;
  Count there;
  auto serve = [&](Guard& guard) {
    Admission call = guard.admit(kSend);
    if (call) there.one();
    over.wait();
    if (call && !call.permit().recheck()) call.permit().done(Outcome::done);
  };
  for (long i = 0; i < n / 2; ++i)
    child([&] {
      Guard guard = open(state, "worker");
      serve(guard);
    });
  Guard guard = open(state, "worker");
  for (long i = 0; i < n / 2; ++i) child([&] { serve(guard); });
  there.wait_for(n / 2 * 2);
  ready();
  close(over.ends[1]);
  while (wait(nullptr) > 0) {
  }
  ready();
  return 0;
}

int parent(const std::string& state) {
  Guard guard = open(state, "parent");
  Admission mine = guard.admit(kSend);
  Count there;
  child([&] {
    Admission own = guard.admit(kSend);
    mine.permit().done(Outcome::done);  // the parent's: ends nothing
    there.one();
    wait_for_word();
    std::printf("%s\n", own.permit().recheck() ? "denied" : "sends");
    std::fflush(stdout);
    own.permit().done(Outcome::done);
  });
  there.wait_for(1);
  std::printf("ready %d\n", getpid());
  std::fflush(stdout);
  while (true) pause();
}

int exec(const std::string& state) {
  Guard guard = open(state, "exec");
  const pid_t pid = child([&] {
    Admission own = guard.admit(kSend);
    if (own) execlp("cat", "cat", nullptr);
  });
  waitpid(pid, nullptr, 0);
  return 0;
}

int leaves(const std::string& state) {
  Guard guard = open(state, "leaves");
  Admission call = guard.admit(kSend);
  if (!call) return 1;
  ready();
  call.permit().done(Outcome::done);
  std::printf("%s\n", guard.admit(kSend) ? "admitted" : "denied");
  return 0;
}

int sends(const std::string& state) {
  Guard guard = open(state, "sends");
  for (char c = 0; read(STDIN_FILENO, &c, 1) == 1;) {
    Admission call = guard.admit(kSend);
    (void)getppid();  // time passes
    const bool goes = call && !call.permit().recheck();
    (void)!write(STDOUT_FILENO, goes ? "sent\n" : "denied\n", goes ? 5 : 7);
    if (goes) call.permit().done(Outcome::done);
  }
  return 0;
}

// Whatever is not allowed kills the process.
void allow_only(const std::vector<unsigned>& numbers) {
  std::vector<sock_filter> filter = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
  for (unsigned number : numbers) {
    filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1));
    filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  }
  filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
  sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) _exit(3);
}

// How a process of this thread ends that admits `calls` of a kind, and then perhaps asks the kernel for its number.
int ended(const std::string& state, const Call& what, long calls, bool asks_kernel) {
  int status = 0;
  const pid_t pid = child([&] {
    Guard guard = open(state, "strict");
    Handle handle = guard.handle(what);
    handle.admit().permit().done(Outcome::done);  // the first of a thread writes the names
    allow_only({SYS_exit_group});
    long admitted = 0;
    for (long i = 0; i < calls; ++i) {
      Admission call = handle.admit("{}");
      admitted += static_cast<bool>(call);
      if (call && !call.permit().recheck()) call.permit().done(Outcome::done);
    }
    if (asks_kernel) (void)getppid();
    _exit(admitted == calls ? 0 : 2);
  });
  waitpid(pid, &status, 0);
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

// Writes stay below half a ring: from there on the watcher is woken, by a call that waits for nobody.
int strict(const std::string& state) {
  const int reads = ended(state, kFind, 1'000'000, false), writes = ended(state, kSend, 200, false);
  const int control = ended(state, kFind, 1, true);
  std::printf("reads %d writes %d control %d\n", reads, writes, control);
  return reads == 0 && writes == 0 && control == -SIGSYS ? 0 : 1;
}

}  // namespace

int main(int count, char** words) {
  if (count < 3) return 2;
  const std::string what = words[1], state = words[count - 1];
  const long n = count > 3 ? std::atol(words[2]) : 0;
  if (what == "crowd") return crowd(n, state);
  if (what == "table") return table(state);
  if (what == "burst") return burst(n, Pace::flat_out, state);
  if (what == "flow") return burst(n, Pace::as_the_watcher_can, state);
  if (what == "flood" && count == 6) return flood(n, std::atol(words[3]), words[4], state);
  if (what == "odd") return odd(state);
  if (what == "workers") return workers(n, state);
  if (what == "parent") return parent(state);
  if (what == "exec") return exec(state);
  if (what == "leaves") return leaves(state);
  if (what == "sends") return sends(state);
  if (what == "strict") return strict(state);
  return 2;
}
