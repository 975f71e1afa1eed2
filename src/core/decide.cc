#include "core/snapshot.h"

namespace notaus::core {

// clang-format off: the conditions on the left, what they mean on the right
Verdict decide(const Snapshot& state, const Call& call, BootTime now) {  // time comes in; nothing is fetched
  constexpr std::uint32_t none = Verdict::kNone;
  if (auto stop = state.stops_all(call); stop != none)                        return {Why::stop_all, stop};
  if (auto stop = state.disables(call); stop != none)                         return {Why::tool_disabled, stop};
  const bool write = state.writes(call);
  if (auto stop = write ? state.read_only(call) : none; stop != none)         return {Why::writes_disabled, stop};
  if (auto why = state.fence(); why != Why::allowed)                          return {why};
  if (state.expired(now) && state.fences(call))                               return {Why::permit_expired};
  return {};
}
// clang-format on

}  // namespace notaus::core
