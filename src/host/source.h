// host/source.h: what one process has told and the log has not: the segments of its spool and, once it has died, its slot file.
// They are told with one append, since both may tell of the same call.
#pragma once

#include <optional>

#include "audit/log.h"
#include "page/scan.h"
#include "page/spool.h"

namespace notaus::host {

enum class Life { goes_on, ended };

class Source {
 public:
  // goes_on: its slot file is its own still, or nobody could read it. ended: `segments` were listed after that was known, so they are all.
  Source(const page::StateDir& state, std::string process, Life life, std::vector<page::Segment> segments)
      : state_(state), process_(std::move(process)), life_(life), segments_(std::move(segments)) {}

  // In the order they were told; nothing of what cannot be read: doctor names it.
  std::vector<audit::Record> news(const audit::Log& log);

  // Once they are logged: whatever nobody writes to any more.
  void remove(audit::Log& log);

 private:
  std::vector<audit::Record> news_of(page::Segment& segment, const audit::Log& log);
  void add_last_words(const audit::Log& log, std::vector<audit::Record>& records);
  [[nodiscard]] page::Mark last_mark() const;
  [[nodiscard]] std::string slots() const { return state_.slots() + "/" + process_; }

  const page::StateDir& state_;
  std::string process_;
  Life life_;
  std::vector<page::Segment> segments_;
  bool slots_told_ = false;
};

// Of a state, as they lie there now.
std::vector<Source> list_sources(const page::StateDir& state);

}  // namespace notaus::host
