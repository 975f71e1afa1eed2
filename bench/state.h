// bench/state.h: a state directory in memory with a live page, for measurements that need no ledger.
#pragma once

#include <fcntl.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/id.h"
#include "page/publisher.h"

namespace notaus::bench {

template <class T>
T or_die(Result<T> result) {
  if (result) return std::move(*result);
  std::fprintf(stderr, "bench: %s\n", result.error().what.c_str());
  std::exit(1);
}

// A directory of its own, removed at the end of its life or of the program: also when a check() fails, since some are large and in memory.
class Scratch {
 public:
  explicit Scratch(const std::filesystem::path& in = std::filesystem::temp_directory_path()) {
    std::string pattern = (in / "notaus-bench-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) std::exit(1);
    path = pattern;
    static const int registered = std::atexit([] {
      for (const std::string& each : all()) remove(each);
    });
    (void)registered;
    all().push_back(path);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { remove(path); }

  std::string path;

 private:
  static std::vector<std::string>& all() {
    static auto* made = new std::vector<std::string>;
    return *made;
  }
  static void remove(const std::string& path) {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
};

// `stops` stops of tenants that never call, and a catalogue with one read.
inline core::State state_with(int stops) {
  core::State state;
  state.epoch = new_epoch();
  state.revision = 1;
  state.catalogue = {{"crm.find", Effect::read}};
  for (int i = 0; i < stops; ++i) {
    core::Stop stop;
    stop.id = new_id();
    stop.selector = {"tenant-" + std::to_string(i), "", ""};
    stop.asserted = 1;
    state.stops.push_back(std::move(stop));
  }
  return state;
}

inline page::Publisher publish(const page::StateDir& at, const core::State& state) {
  auto made = page::make_directories(at);
  if (!made) or_die(Result<int>(std::unexpected(made.error())));
  or_die(open_file(at.lock(), O_RDWR | O_CREAT, 0600));  // `notaus init` does this
  auto lock = or_die(page::PageLock::take(at, std::chrono::seconds(1)));
  return or_die(page::Publisher::replace(at, lock, state));
}

}  // namespace notaus::bench
