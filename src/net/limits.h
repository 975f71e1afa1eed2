// net/limits.h: what a client may cost. Nothing in here ends a stream that flows.
#pragma once

#include <cstddef>
#include <cstdint>

namespace notaus::net {

struct Limits {
  std::size_t connections = 10'000;
  std::size_t calls = 512;  // of one caller, under way at once
  std::size_t held = 128 << 20;  // bytes of all their requests that wait in memory
  std::int64_t idle_ns = 75'000'000'000;    // between two requests
  std::int64_t head_ns = 30'000'000'000;    // from a head's first byte to its last
  std::int64_t body_ns = 120'000'000'000;   // for a whole body that we wait for
  std::int64_t stall_ns = 120'000'000'000;  // without one byte of a body that passes by
  std::int64_t parting_ns = 1'000'000'000;  // until it has read our last words
};

}  // namespace notaus::net
