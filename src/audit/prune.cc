#include "audit/prune.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "audit/index.h"
#include "audit/report.h"
#include "audit/view.h"

namespace notaus::audit {
namespace {

std::string bundle_file(const std::string& directory, std::uint64_t bundle) { return directory + "/" + entries_path(bundle); }

std::uint64_t bytes_of_bundle(const std::string& directory, std::uint64_t bundle) {
  struct stat file{};
  return stat(bundle_file(directory, bundle).c_str(), &file) == 0 ? static_cast<std::uint64_t>(file.st_size) : 0;
}

// Up to which bundle the newest of that size reach; all of them may, which is 0.
std::uint64_t bundle_kept_from(const View& view, std::uint64_t first, std::uint64_t bytes) {
  std::uint64_t bundle = view.size() / kTileWidth;
  for (std::uint64_t newer = 0; bundle > first && newer < bytes; --bundle) newer += bytes_of_bundle(view.directory(), bundle - 1);
  return bundle;
}

}  // namespace

Result<Pruning> prunable(const std::string& directory, const Stays& stays) {
  auto view = View::open(directory);
  if (!view) return std::unexpected(view.error());
  if (!view->standing()) return std::unexpected(view->standing().error());
  const std::uint64_t first = view->first_bundle(), durable = view->standing()->base / kTileWidth;
  const std::uint64_t end = stays.bytes == 0 ? durable : std::min(durable, bundle_kept_from(*view, first, stays.bytes));
  Pruning out{view->by().name, first * kTileWidth, first * kTileWidth};
  for (std::uint64_t bundle = first; view->width(0, bundle) > 0; ++bundle) {
    auto entries = view->entries(bundle);
    if (!entries && entries.error().kind == Kind::gone && view->first_bundle() > bundle) {  // somebody else is at it
      out.from = out.upto = (bundle + 1) * kTileWidth;
      continue;
    }
    if (!entries) return std::unexpected(entries.error());
    const auto old = [&](const std::string& entry) { return stays.since.empty() || time_of(entry) < stays.since; };
    const auto young = std::ranges::find_if_not(*entries, old);
    if (bundle < end && young == entries->end()) {
      out.upto = (bundle + 1) * kTileWidth;
      out.last = time_of(entries->back());
    } else if (stays.since.empty()) {
      return out;
    }
    if (young != entries->begin() && !stays.since.empty()) out.old = time_of(*(young - 1));
    if (young == entries->end()) continue;
    out.young = time_of(*young);
    return out;
  }
  return out;
}

Result<> announce(Log& log, const Pruning& what, const std::string& record) {
  if (log.name() != what.log) return trouble(Kind::gone, what.log + ": another log is in its place");
  return log.append({{record}});
}

Result<> remove_bundles(const std::string& directory, const Pruning& what) {
  std::error_code error;
  for (std::uint64_t bundle = what.from / kTileWidth; bundle < what.upto / kTileWidth && !error; ++bundle)
    std::filesystem::remove(bundle_file(directory, bundle), error);
  if (error) return std::unexpected(os_trouble(directory, error.value()));
  forget_rows(directory, what.log, what.upto / kTileWidth);
  return {};
}

}  // namespace notaus::audit
