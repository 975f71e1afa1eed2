// control/hints.h: what a server says of its own tools (MCP's readOnlyHint), beside what the catalogue says.
//
// A hint is a stranger's word. It counts once an operator has approved it, for that tool and as it was then; nothing reads it again.
// Write wins: a hint makes a read only of a tool of which the catalogue says nothing, and unmakes every read that it does not share.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "host/host.h"

namespace notaus::control {

struct Hint {
  std::string tool;
  bool read_only = false;  // it says so; saying nothing is saying that it writes

  bool operator==(const Hint&) const = default;
};

struct Weighed {
  Hint hint;
  std::optional<Effect> catalogue;  // by its longest match; none: nothing is said, which counts as write
  std::optional<Effect> becomes;  // none: nothing changes
  std::string why = {};  // nothing changes although the server calls it read-only

  bool operator==(const Weighed&) const = default;
};

// One for each tool, by name. A tool that is listed twice is a read only if both say so.
std::vector<Weighed> weigh(const std::vector<Hint>& hints, const std::map<std::string, Effect>& catalogue);

// Those that become `effect`.
std::map<std::string, Effect> changes(const std::vector<Weighed>& weighed, Effect effect);

// Makes the catalogue stricter, for which nobody is asked: of `effects`, those that are not looser. Only the ledger has them when it
// returns; the next host::sync() shows them to the points.
Result<core::State> tighten(const host::Site& site, const std::map<std::string, Effect>& effects, const std::string& by,
                            const std::string& reason);

}  // namespace notaus::control
