// app/become_gate.h: `mcp` and `run` end as the small notaus-gate beside us, which has no database in it.
#pragma once

#include <string>
#include <vector>

#include "app/commands.h"
#include "app/site.h"

namespace notaus::app {

struct GateFlags {
  std::string mode;  // "mcp" or "run"
  std::vector<Named> flags;  // empty values are left out
};

// Brings page and ledger together, so that the page is there before the gate asks it, and what the configuration tightens is on it before
// the first call. What cannot be mended is said and denied, and keeps nobody from starting.
void prepare(const Place& place);

// exec; returns only if that fails, the exit code.
int become_gate(const Place& place, const GateFlags& gate, const std::vector<std::string>& command);

}  // namespace notaus::app
