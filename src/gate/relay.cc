#include "gate/relay.h"

#include <algorithm>

namespace notaus::gate {
namespace {

constexpr std::size_t kHold = 64 << 10;  // shorter lines go on whole

}  // namespace

Relay::State Relay::take(std::string_view& from) {
  std::size_t newline = from.find('\n');
  bool ended = newline != std::string_view::npos;
  std::string_view part = from.substr(0, ended ? newline + 1 : from.size());
  from.remove_prefix(part.size());
  scan_.take(part.substr(0, part.size() - (ended ? 1 : 0)));
  if (!lost_) bytes += part;
  if (!streaming_ && bytes.size() > max_line_ && !scan_.answers() && !scan_.noise()) {
    lost_ = true;
    bytes = {};
  }
  if (ended) return lost_ ? State::overlong : State::ended;
  streaming_ |= !lost_ && bytes.size() > kHold && (scan_.answers() || scan_.noise());
  return streaming_ ? State::streaming : State::holding;
}

ServerLine Relay::finish() {
  streaming_ = lost_ = false;
  return scan_.finish();
}

}  // namespace notaus::gate
