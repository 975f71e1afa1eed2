// base/bytes.h: reading memory that another process may be writing, and a checksum over it.
//
// Every load is a relaxed atomic, so a concurrent writer gives a mixed value and never undefined behaviour; the caller finds the
// mix by a sequence word or a checksum.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

namespace notaus {

using Bytes = std::span<const std::byte>;

template <class Word>
[[nodiscard]] inline Word load(const std::byte* at) {  // `at` is aligned for Word
  return __atomic_load_n(reinterpret_cast<const Word*>(at), __ATOMIC_RELAXED);
}

template <class Word>
inline void store(std::byte* at, Word value) {
  __atomic_store_n(reinterpret_cast<Word*>(at), value, __ATOMIC_RELAXED);
}

// XXH64 (github.com/Cyan4973/xxHash, doc/xxhash_spec.md) over whole 8-byte words, read as above. Finds damage, not malice.
[[nodiscard]] std::uint64_t checksum(Bytes words, std::uint64_t seed = 0);

}  // namespace notaus
