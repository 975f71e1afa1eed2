// core/action.h: what an operator does, and the state it leads to. `state == fold(actions)` at any time, on every ledger.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/state.h"

namespace notaus::core {

enum class Act : std::uint8_t {
  stop,     // places `stop`, or asserts it again if its id stands already
  resume,   // lifts `target`
  note,     // gives `target` the reason it was placed without
  approve,  // sets `effects` in the catalogue; loosening is refused while a stop stands
  tighten,  // sets those of `effects` that are not looser than the catalogue; the others change nothing
};
[[nodiscard]] std::string_view text(Act act);

struct Action {
  std::string id;  // a second append of the same id changes nothing and answers with the first revision
  Act act = Act::stop;
  std::string by;
  WallTime at;
  std::string reason;
  std::optional<std::uint32_t> uid = {};  // of the process that asked for it; nothing: another one tells
  std::string host = {};  // whose page alone it concerns: it counts as a revision and changes nothing else
  Stop stop;                  // of a stop
  std::string target;         // of a resume or note: a stop's id
  std::uint64_t seen = 0;     // of a resume or approve: the revision its author had read
  std::map<std::string, Effect> effects = {};
};

// The state after one more action, at revision + 1.
//
// A stop is never refused. A resume is: gone if no such stop stands, refused if it was asserted after `seen`, so a resume never wins
// over a later stop. On Trouble the state is as before.
Result<State> apply(State state, const Action& action);

// From the empty state of `epoch`, in order.
Result<State> fold(std::string epoch, const std::vector<Action>& actions);

// Would approving this make any call allowed that is not now: a new read, a write made a read?
[[nodiscard]] bool loosens(const State& state, const std::string& tool, Effect effect);

}  // namespace notaus::core
