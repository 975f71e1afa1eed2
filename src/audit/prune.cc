#include "audit/prune.h"

#include <filesystem>

#include "audit/report.h"
#include "audit/view.h"

namespace notaus::audit {

Result<Pruning> prunable(const std::string& directory, const std::string& before) {
  auto view = View::open(directory);
  if (!view) return std::unexpected(view.error());
  if (!view->standing()) return std::unexpected(view->standing().error());
  const std::uint64_t first = view->first_bundle();
  Pruning out{first * kTileWidth, first * kTileWidth};
  for (std::uint64_t bundle = first; (bundle + 1) * kTileWidth <= view->standing()->base; ++bundle) {
    auto entries = view->entries(bundle);
    if (!entries) return std::unexpected(entries.error());
    for (const std::string& entry : *entries)
      if (time_of(entry) >= before) return out;
    out.upto = (bundle + 1) * kTileWidth;
  }
  return out;
}

Result<> prune(Log& log, const std::string& directory, const Pruning& what, const std::string& record) {
  if (auto told = log.append({{record}}); !told) return told;
  std::error_code error;
  for (std::uint64_t bundle = what.from / kTileWidth; bundle < what.upto / kTileWidth && !error; ++bundle)
    std::filesystem::remove(directory + "/" + entries_path(bundle), error);
  if (error) return std::unexpected(os_trouble(directory, error.value()));
  return {};
}

}  // namespace notaus::audit
