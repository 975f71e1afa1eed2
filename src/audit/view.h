// audit/view.h: a log as everyone but its writer sees it. Reads only: it neither waits for the writer nor repairs anything.
#pragma once

#include "audit/standing.h"

namespace notaus::audit {

class View {
 public:
  // gone: no log is there. broken: what says how large it is cannot be trusted.
  static Result<View> open(const std::string& directory);

  [[nodiscard]] const Verifier& by() const { return by_; }
  [[nodiscard]] const std::string& note() const { return note_; }  // the checkpoint, signed
  [[nodiscard]] const Checkpoint& checkpoint() const { return checkpoint_; }
  [[nodiscard]] std::uint64_t size() const { return checkpoint_.size; }

  // As wide as the checkpoint makes it; where only a wider one is there, the beginning of that.
  [[nodiscard]] Result<std::vector<Hash>> tile(unsigned level, std::uint64_t index) const;
  [[nodiscard]] Result<std::vector<std::string>> entries(std::uint64_t index) const;

  // The first bundle that is there: those before it were pruned, as verify() makes sure.
  [[nodiscard]] std::uint64_t first_bundle() const;

  [[nodiscard]] std::uint64_t width(unsigned level, std::uint64_t index) const;  // 0: there is no such tile
  [[nodiscard]] const std::string& directory() const { return directory_; }
  // The machine was started again since the last append: files that follow from the segment may be torn, and are read as it has them.
  [[nodiscard]] bool rebuilt() const { return rebuilt_; }
  [[nodiscard]] const Result<Standing>& standing() const { return standing_; }  // as of the same moment

 private:
  View(std::string directory, Verifier by, Result<Standing> standing)
      : directory_(std::move(directory)), by_(std::move(by)), standing_(std::move(standing)) {}
  [[nodiscard]] Result<std::string> file(const std::string& narrow, const std::string& full) const;

  std::string directory_;
  Verifier by_;
  Result<Standing> standing_;
  std::string note_;
  Checkpoint checkpoint_;
  bool rebuilt_ = false;
};

// The records as they stand, oldest first.
Result<std::vector<std::string>> read_log(const std::string& directory);

}  // namespace notaus::audit
