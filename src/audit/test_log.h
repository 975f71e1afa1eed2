// audit/test_log.h: a log of a test's own. Included by tests alone.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>

#include <fmt/format.h>

#include "audit/log.h"
#include "audit/view.h"
#include "base/id.h"

namespace notaus::audit {

namespace fs = std::filesystem;

inline std::string contents(const std::string& path) { return read_file(path).value_or(""); }

struct TestLog {
  std::string root = (fs::temp_directory_path() / ("notaus-log-" + new_id())).string();
  Place place{root + "/log", "here", "test", root + "/seen"};

  TestLog() { fs::create_directory(root); }
  ~TestLog() { fs::remove_all(root); }
  TestLog(const TestLog&) = delete;
  TestLog& operator=(const TestLog&) = delete;

  Log open() const {
    auto log = Log::open(place, std::chrono::seconds(2));
    EXPECT_TRUE(log) << log.error().what;
    return *std::move(log);
  }
  // Appends `count` notes, so many at a time.
  static void fill(Log& log, std::uint64_t count, std::uint64_t at_a_time = 100) {
    for (std::uint64_t done = 0; done < count;) {
      std::vector<Record> batch;
      for (std::uint64_t i = 0; i < at_a_time && done < count; ++i, ++done)
        batch.push_back({fmt::format(R"({{"kind":"note","text":"note {}"}})", log.size() + i)});
      auto logged = log.append(batch);
      ASSERT_TRUE(logged) << logged.error().what;
    }
  }
  // The files that follow from the segment are durable, and it begins behind them.
  static void next_segment(Log& log) {
    const std::string large(40'000, 'x');
    const std::vector<Record> batch(30, {fmt::format(R"({{"kind":"note","at":"9","text":"{}"}})", large)});
    ASSERT_TRUE(log.append(batch));
    ASSERT_TRUE(log.settle());
  }
  std::vector<std::string> lines() const {
    auto read = read_log(place.directory);
    EXPECT_TRUE(read) << read.error().what;
    return read.value_or(std::vector<std::string>{});
  }
  // What is evidence: neither the key nor the lock, nor the index, by which nothing is proven.
  [[nodiscard]] std::map<std::string, std::string> evidence() const {
    std::map<std::string, std::string> out;
    for (const auto& file : fs::recursive_directory_iterator(place.directory))
      if (file.is_regular_file()) out[file.path().string().substr(place.directory.size() + 1)] = contents(file.path().string());
    out.erase("key");
    out.erase("lock");
    out.erase("index");
    return out;
  }
  std::string file(const std::string& name) const { return place.directory + "/" + name; }
  std::string newest_segment() const { return list_segments(place.directory)->front(); }
};

inline void put(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

}  // namespace notaus::audit
