// audit/index.h: of each full bundle of the log, what its records may be asked for: so that a question to ten million records reads few of
// them. It follows from the bundles and proves nothing: it may be lost or damaged, is made again then, and verify() never looks at it.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "audit/filter.h"
#include "base/result.h"

namespace notaus::audit {

struct IndexRow {
  std::uint64_t bundle = 0;
  std::array<char, 24> first = {}, last = {};  // times of its records, as they are written
  std::vector<std::uint32_t> words = {};  // hashes of what stands in which field; in order
};

IndexRow index_row(std::uint64_t bundle, std::span<const std::string_view> entries);

// Hashes of which a bundle must have each, if it has a record that matches.
std::vector<std::uint32_t> words_of(const Filter& filter);

class Index {
 public:
  // Of the log of that name. One that is damaged is removed, if it can be, and knows nothing.
  static Index read(const std::string& directory, const std::string& origin);
  Index() = default;
  Index(Index&&) = default;
  Index& operator=(Index&&) = default;

  [[nodiscard]] bool knows(std::uint64_t bundle) const { return bundle < rows_.size() && !rows_[bundle].first.empty(); }

  // False: none of its records matches. True of what it does not know.
  [[nodiscard]] bool may_have(std::uint64_t bundle, const Filter& filter, std::span<const std::uint32_t> words) const;

 private:
  struct Seen {
    std::string_view first, last;
    const std::uint32_t* words = nullptr;
    std::size_t count = 0;
  };
  std::string bytes_;
  std::vector<Seen> rows_;  // by bundle; views into bytes_
};

// As far as it can be written: a question finds out what is missing.
void add_rows(const std::string& directory, const std::string& origin, std::span<const IndexRow> rows);

// Rows of bundles before that one go, once they are most of the file.
void forget_rows(const std::string& directory, const std::string& origin, std::uint64_t before);

}  // namespace notaus::audit
