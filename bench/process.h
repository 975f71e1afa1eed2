// bench/process.h: another program, with pipes as its stdin and stdout.
#pragma once

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "bench/measure.h"

namespace notaus::bench {

// The programs of the build this bench is of.
inline std::filesystem::path beside_us(const std::string& program) {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() / program;
}

struct Process {
  pid_t pid = 0;
  Fd in, out;

  static Process start(std::vector<std::string> words) {
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    int in[2], out[2];
    check(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0, "no pipe");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    Process started;
    check(posix_spawnp(&started.pid, arguments[0], &actions, nullptr, arguments.data(), environ) == 0, "cannot start " + words[0]);
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(out[1]);
    started.in = Fd(in[1]);
    started.out = Fd(out[0]);
    return started;
  }

  // Everything it has to say, until it closes its stdout.
  [[nodiscard]] std::string read_all() const {
    std::string text;
    char some[4096];
    for (ssize_t got; (got = read(out.get(), some, sizeof some)) > 0;) text.append(some, static_cast<std::size_t>(got));
    return text;
  }

  [[nodiscard]] int wait() const {
    int status = 0;
    check(waitpid(pid, &status, 0) == pid, "waitpid");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
};

struct Ended {
  std::string said;
  double ms;
};

// From spawn to exit, which must be 0.
inline Ended run(const std::vector<std::string>& words) {
  const std::int64_t start = now_ns();
  Process process = Process::start(words);
  std::string said = process.read_all();
  const int code = process.wait();
  const double ms = static_cast<double>(now_ns() - start) / 1e6;
  check(code == 0, fmt::format("{} {} ended with {}: {}", words[0], words.size() > 1 ? words[1] : "", code, said));
  return {std::move(said), ms};
}

}  // namespace notaus::bench
