#include "audit/search.h"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace notaus::audit {
namespace {

constexpr std::size_t kRowsAtOnce = 64;

// What had to be read, on its way into the index.
class Found {
 public:
  Found(const std::string& directory, const std::string& origin) : directory_(directory), origin_(origin) {}
  ~Found() { keep(); }
  Found(const Found&) = delete;
  Found& operator=(const Found&) = delete;

  void add(std::uint64_t bundle, const std::vector<std::string>& entries) {
    const std::vector<std::string_view> views(entries.begin(), entries.end());
    rows_.push_back(index_row(bundle, views));
    if (rows_.size() >= kRowsAtOnce) keep();
  }

 private:
  void keep() {
    if (!rows_.empty()) add_rows(directory_, origin_, rows_);
    rows_.clear();
  }

  const std::string &directory_, &origin_;
  std::vector<IndexRow> rows_;
};

}  // namespace

Result<Search> Search::open(const std::string& directory) {
  auto view = View::open(directory);
  if (!view) return std::unexpected(view.error());
  Index index = Index::read(directory, view->by().name);
  return Search(*std::move(view), std::move(index));
}

Result<> Search::each(const Filter& filter, const Take& take, std::uint64_t from) const {
  const std::vector<std::uint32_t> words = words_of(filter);
  Found found(view_.directory(), view_.by().name);
  for (std::uint64_t bundle = std::max(from / kTileWidth, view_.first_bundle()); view_.width(0, bundle) > 0; ++bundle) {
    if (!index_.may_have(bundle, filter, words)) continue;
    auto entries = view_.entries(bundle);
    if (!entries && entries.error().kind == Kind::gone && view_.first_bundle() > bundle) {  // pruned meanwhile
      bundle = view_.first_bundle() - 1;
      continue;
    }
    if (!entries) return std::unexpected(entries.error());
    if (entries->size() == kTileWidth && !index_.knows(bundle)) found.add(bundle, *entries);
    for (std::size_t at = bundle == from / kTileWidth ? from % kTileWidth : 0; at < entries->size(); ++at)
      if (const std::string& line = (*entries)[at]; may_match(line, filter) && matches(record_of(line), filter) && !take(line))
        return {};
  }
  return {};
}

}  // namespace notaus::audit
