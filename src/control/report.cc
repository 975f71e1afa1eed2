#include "control/report.h"

namespace notaus::control {

HostRow row_of(const std::string& host, std::uint64_t revision, const std::vector<page::SeenPoint>& points,
               std::vector<std::string>& warnings) {
  HostRow row{host, "acked", revision};
  for (const page::SeenPoint& point : points) {
    if (!point.trouble.empty()) {
      row.state = "silent";
      warnings.push_back("silent point: " + point.trouble);
    }
    row.points += point.alive;
    row.admission_only += point.alive && point.admission_only;
  }
  return row;
}

}  // namespace notaus::control
