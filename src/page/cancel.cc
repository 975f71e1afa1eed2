#include "page/cancel.h"

#include <algorithm>
#include <vector>

namespace notaus::page {

std::stop_token Cancels::token(const Claim& claim) {
  std::scoped_lock hold(mutex_);
  auto [found, fresh] = asked_for_.try_emplace(claim.slot, claim.word, std::stop_source());
  if (!fresh && found->second.first != claim.word)
    found->second = {claim.word, std::stop_source()};  // the slot's last call has ended
  return found->second.second.get_token();
}

std::optional<BootTime> Cancels::ask(const SlotsFile& file, const Deadline& deadline, BootTime now) {
  std::optional<BootTime> next;
  std::vector<std::stop_source> due;
  {
    std::scoped_lock hold(mutex_);
    std::erase_if(asked_for_, [&](const auto& one) { return file.words[one.first].load() != one.second.first; });
    for (auto& [slot, call] : asked_for_) {
      if (call.second.stop_requested()) continue;
      auto at = deadline({slot, call.first});
      if (at && *at <= now) due.push_back(call.second);
      if (at && *at > now) next = next ? std::min(*next, *at) : *at;
    }
  }
  for (std::stop_source& source : due) source.request_stop();  // runs the listeners' callbacks, which may ask for tokens
  return next;
}

}  // namespace notaus::page
