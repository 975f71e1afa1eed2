// demo/child.h: a process of the demo, that cannot outlive it: a process group of its own, and a signal when its parent dies.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace notaus::demo {

class Child {
 public:
  enum class Stderr { ours, with_stdout };

  // Runs argv[0], a path or a name in PATH, with our environment. Call it on the main thread: the child ends with the thread that made it.
  static Result<Child> start(std::vector<std::string> argv, Stderr where);

  Child(Child&&) noexcept = default;
  Child& operator=(Child&&) = delete;
  ~Child();  // ends it, and its group

  [[nodiscard]] int watched() const { return out_ ? out_.get() : pidfd_.get(); }  // readable: it wrote, or it ended
  [[nodiscard]] bool talks() const { return static_cast<bool>(out_); }
  Result<> tell(const std::string& line);
  void hear();  // reads once from its stdout; blocks unless `watched` was readable
  std::optional<std::string> next_line();
  std::string everything() { return std::move(heard_); }

  bool ended();  // its exit status is known
  [[nodiscard]] int status() const { return *status_; }  // as a shell has it: 128 + n for signal n
  void hang_up() { in_ = Fd(); }
  // Hangs up and waits; SIGTERM after `patience`, SIGKILL a second later.
  void end(std::chrono::milliseconds patience);

 private:
  Child(pid_t pid, Fd pidfd, Fd in, Fd out) : pid_(pid), pidfd_(std::move(pidfd)), in_(std::move(in)), out_(std::move(out)) {}
  bool ends_within(std::chrono::milliseconds patience);

  pid_t pid_;
  Fd pidfd_, in_, out_;  // without a pidfd we have been moved from
  std::string heard_;
  std::optional<int> status_;
};

// Kills and reaps what is left below us, orphans included, if `adopt_orphans` was called before the first child.
void adopt_orphans();
void end_orphans();

}  // namespace notaus::demo
