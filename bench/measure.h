// bench/measure.h: the times of many equal acts, told as percentiles: one JSON object a line, which run.py reads.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

namespace notaus::bench {

// A bench that measures a failed act must not print a figure.
inline void check(bool good, std::string_view what) {
  if (good) return;
  fmt::print(stderr, "bench: {}\n", what);
  std::exit(1);
}

inline std::int64_t now_ns() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1'000'000'000 + t.tv_nsec;
}

class Samples {
 public:
  void add(double value) { values_.push_back(value); }
  void add_all(const Samples& more) { values_.insert(values_.end(), more.values_.begin(), more.values_.end()); }
  [[nodiscard]] std::size_t size() const { return values_.size(); }

  // The smallest value that `share` of all do not exceed.
  [[nodiscard]] double percentile(double share) const { return percentile(values_, share); }

  // p50 of the last quarter over p50 of the first: about 1, unless the act gets slower the more often it was done.
  [[nodiscard]] double drift() const {
    const auto quarter = static_cast<std::ptrdiff_t>((values_.size() + 3) / 4);
    return percentile({values_.end() - quarter, values_.end()}, 0.5) /
           percentile({values_.begin(), values_.begin() + quarter}, 0.5);
  }

 private:
  static double percentile(std::vector<double> values, double share) {
    check(!values.empty(), "nothing was measured");
    std::ranges::sort(values);
    auto rank = static_cast<std::size_t>(share * static_cast<double>(values.size()));
    return values[std::min(rank, values.size() - 1)];
  }

  std::vector<double> values_;
};

inline void print_row(std::string_view name, std::string_view unit, const Samples& samples) {
  fmt::print("{{\"name\":\"{}\",\"unit\":\"{}\",\"n\":{},\"p50\":{:.3f},\"p99\":{:.3f},\"max\":{:.3f}}}\n", name, unit,
             samples.size(), samples.percentile(0.5), samples.percentile(0.99), samples.percentile(1));
}

inline void print_row(std::string_view name, std::string_view unit, double value) {
  fmt::print("{{\"name\":\"{}\",\"unit\":\"{}\",\"value\":{:.3f}}}\n", name, unit, value);
}

inline bool is_quick(int count, char** words) { return count > 1 && std::string_view(words[count - 1]) == "--quick"; }

}  // namespace notaus::bench
