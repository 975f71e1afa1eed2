// audit/proof.h: one record and the evidence that the log has it, in a file that is checked without the log (c2sp.org/tlog-proof).
#pragma once

#include "audit/view.h"

namespace notaus::audit {

// The file's text; its `extra` line is the record. gone: the log has no such record.
Result<std::string> prove(const View& view, std::uint64_t number);

struct Proven {
  std::uint64_t number = 0;
  std::string record;
  Checkpoint checkpoint;
};
// broken: it proves nothing.
Result<Proven> check_proof(std::string_view text, const Verifier& by);

// Is it the log that gave this ticket away, with all that it had then? broken: why it is not. Asked of the hashes alone: whether the records
// are theirs, verify() finds.
Result<> continues(const View& view, const Ticket& ticket);

}  // namespace notaus::audit
