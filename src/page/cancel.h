// page/cancel.h: asks those to stop who run a call in this process, when a stop wants it ended (`notaus stop --cancel`). A request: what
// comes of it is up to them.
//
// Threads: any. Nothing on the way of an admission comes here: a call that has ended is found gone, it does not tell us.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>

#include <notaus/guard.hpp>

#include "base/clock.h"
#include "page/slots.h"

namespace notaus::page {

class Cancels {
 public:
  // When a call is to be ended; nothing: no stop wants it.
  using Deadline = std::function<std::optional<BootTime>(const Claim&)>;

  [[nodiscard]] std::stop_token token(const Claim& claim);

  // Asks those that are due and forgets those that have ended. When to come again, if no flip comes first.
  std::optional<BootTime> ask(const SlotsFile& file, const Deadline& deadline, BootTime now);

 private:
  std::mutex mutex_;
  std::map<std::uint32_t, std::pair<std::uint64_t, std::stop_source>> asked_for_;  // slot -> its word as claimed, and who listens
};

}  // namespace notaus::page
