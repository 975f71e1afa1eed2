// audit/verify.h: is this the log that was written? Everything in it is hashed again; nothing is changed, nothing waited for.
//
// Found without help: a record changed, removed, inserted or moved; a tile or the checkpoint that does not fit. That the end was cut off,
// or all of it replaced by an older or another log, only an earlier checkpoint shows.
#pragma once

#include "audit/view.h"

namespace notaus::audit {

struct Inspection {
  enum class Verdict { sound, tampered, unreadable };
  Verdict verdict = Verdict::sound;
  std::optional<std::uint64_t> first_bad =
      {};  // of tampered: the number of the first record that is wrong, or the first that may be
  std::string what = {};  // is wrong
  std::string note = {};  // the checkpoint that was found sound
  Checkpoint checkpoint = {};
  std::uint64_t size = 0;  // with the records that are durable and in no tile yet: a writer died, or is at work
  std::uint64_t witnessed = 0;  // how many of them an earlier checkpoint covers
  std::uint64_t pruned = 0;  // so many, the first ones, are known by their hashes alone, as a later record says
  std::uint64_t cut_bytes = 0;  // of a write that never was acknowledged
};

// `earlier`: a checkpoint of this log, the note or its ticket; empty: none is known.
Inspection verify(const std::string& directory, const std::string& earlier);

}  // namespace notaus::audit
