// audit/search.h: records of a log one after another, those that a filter means; of ten million only a few bundles are read.
#pragma once

#include <functional>

#include "audit/index.h"
#include "audit/view.h"

namespace notaus::audit {

// False: enough.
using Take = std::function<bool(const std::string& line)>;

class Search {
 public:
  // gone: no log is there.
  static Result<Search> open(const std::string& directory);

  [[nodiscard]] std::uint64_t size() const { return view_.size(); }
  [[nodiscard]] std::uint64_t first() const { return view_.first_bundle() * kTileWidth; }  // what is before it was pruned, by now
  [[nodiscard]] const std::string& name() const { return view_.by().name; }
  [[nodiscard]] const std::string& note() const { return view_.note(); }  // its checkpoint
  [[nodiscard]] const View& view() const { return view_; }

  // In order, from record `from` on; what somebody prunes meanwhile is left out. Keeps in the index, if it can be written, what had to be read
  // for want of it.
  Result<> each(const Filter& filter, const Take& take, std::uint64_t from = 0) const;

 private:
  Search(View view, Index index) : view_(std::move(view)), index_(std::move(index)) {}

  View view_;
  Index index_;
};

// The lines of whatever log, for questions that need more than one look at it.
using Lines = std::function<Result<>(const Filter& filter, const Take& take)>;

}  // namespace notaus::audit
