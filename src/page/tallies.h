// page/tallies.h: denials, none of them lost. The first ten of a kind and second become records of their own, the others one count:
// a hammering agent must neither fill the disk nor go uncounted. The counts lie in the slot file, where a kill -9 does not reach.
//
// Threads: any; denials wait for each other here, and for nothing else. Admissions never come here.
#pragma once

#include <functional>
#include <mutex>

#include "page/slots.h"

namespace notaus::page {

struct DenialFact {
  const Entry& entry;
  Why why;
  std::string_view stop;
  const Claim* claim;  // nothing: it had no slot
  std::uint64_t page_word;
};

class Tallies {
 public:
  explicit Tallies(Slots& slots) : slots_(slots) {}

  void count(const DenialFact& denial, Moment now);

  // Gives `take` the number of each tally with something to tell, and the tally; what it returns true for is told. One thread at a time.
  void settle(const std::function<bool(std::uint32_t, const Tally&)>& take);

 private:
  bool copy(const Tally& from, Tally& into);
  Tally* find(const DenialFact& denial, std::int64_t second);

  Slots& slots_;
  std::mutex mutex_;
};

}  // namespace notaus::page
