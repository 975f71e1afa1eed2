#include "gate/relay.h"

#include <algorithm>

namespace notaus::gate {
namespace {

constexpr std::size_t kHold = 64 << 10;  // shorter messages go on whole

}  // namespace

EventScan::Taken Relay::cut(std::string_view from) {
  if (form_ == Form::events) return events_.take(from, scan_);
  const std::size_t newline = form_ == Form::lines ? from.find('\n') : std::string_view::npos;
  const bool ended = newline != std::string_view::npos;
  scan_.take(from.substr(0, newline));
  return {ended ? newline + 1 : from.size(), ended};
}

Relay::State Relay::take(std::string_view& from) {
  const auto [count, ended] = cut(from);
  if (!lost_) bytes += from.substr(0, count);
  from.remove_prefix(count);
  if (!streaming_ && bytes.size() > max_line_ && !scan_.answers() && !scan_.noise()) {
    lost_ = true;
    bytes = {};
  }
  if (ended) return lost_ ? State::overlong : State::ended;
  const std::size_t hold = whole_ ? max_line_ : kHold;
  streaming_ |= !lost_ && bytes.size() > hold && (scan_.answers() || scan_.noise());
  return streaming_ ? State::streaming : State::holding;
}

ServerLine Relay::finish() {
  streaming_ = lost_ = false;
  return scan_.finish();
}

}  // namespace notaus::gate
