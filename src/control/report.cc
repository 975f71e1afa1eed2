#include "control/report.h"

#include <fmt/format.h>

namespace notaus::control {
namespace {

constexpr std::size_t kNamed = 20;  // an operator reads no more, and must not scroll for the last line

}  // namespace

double ms_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

HostRow row_of(const std::string& host, std::uint64_t revision, const std::vector<page::SeenPoint>& points,
               std::vector<std::string>& warnings) {
  HostRow row{host, "acked", revision};
  std::size_t silent = 0;
  for (const page::SeenPoint& point : points) {
    if (!point.trouble.empty()) {
      row.state = "silent";
      if (++silent <= kNamed) warnings.push_back("silent point: " + point.trouble);
    }
    row.points += point.alive;
    row.admission_only += point.alive && point.admission_only;
  }
  if (silent > kNamed) warnings.push_back(fmt::format("silent points: {} more beside these", silent - kNamed));
  return row;
}

}  // namespace notaus::control
