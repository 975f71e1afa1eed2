// control/rights.h: who may do what through the control socket. Who may connect to it at all is the socket's own mode: its owner, root, and the
// group `notaus` where there is one.
#pragma once

#include <sys/types.h>

#include <span>
#include <string>

namespace notaus::control {

// What a command line (its words, without the program) would do to the state.
enum class Act : std::uint8_t {
  tighten,  // stop, note; and to look
  loosen,  // resume: the right to it is write access to the state
  reload,  // of the configuration, which is its owner's
  other,  // nothing that is done for somebody else
};
[[nodiscard]] Act act_of(std::span<const std::string> words);

[[nodiscard]] bool may(Act act, uid_t who, uid_t owner);

}  // namespace notaus::control
