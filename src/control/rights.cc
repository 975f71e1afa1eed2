#include "control/rights.h"

#include <algorithm>
#include <string_view>

namespace notaus::control {
namespace {

constexpr std::string_view kTighten[] = {"stop", "note", "status", "drain", "doctor"};

// The state and the configuration are those of who runs the socket; to watch is for who asks.
bool leads_elsewhere(std::string_view word) {
  return word.starts_with("--state") || word.starts_with("--config") || word.starts_with("--watch");
}

}  // namespace

Act act_of(std::span<const std::string> words) {
  if (words.empty() || std::ranges::any_of(words, leads_elsewhere)) return Act::other;
  if (std::ranges::find(kTighten, words[0]) != std::end(kTighten)) return Act::tighten;
  if (words[0] == "resume") return Act::loosen;
  return words.size() == 2 && words[0] == "config" && words[1] == "reload" ? Act::reload : Act::other;
}

bool may(Act act, uid_t who, uid_t owner) {
  switch (act) {
    case Act::tighten: return true;
    case Act::loosen:
    case Act::reload: return who == 0 || who == owner;
    case Act::other: return false;
  }
  return false;
}

}  // namespace notaus::control
