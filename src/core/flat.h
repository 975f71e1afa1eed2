// core/flat.h: the image's layout, shared by who writes it (flatten.cc) and who reads it (snapshot.cc).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

#include "core/state.h"

namespace notaus::core {

static_assert(std::endian::native == std::endian::little);

constexpr std::uint64_t kImageMagic = 0x3230'5041'4e53'544eu;  // "NTSNAP02"; another layout is another number

struct Table {
  std::uint32_t at, count;  // offset and number of elements; for a hash table the number of cells, a power of two
};

struct Header {
  std::uint64_t magic;
  std::uint64_t length;    // of the image, a multiple of 8
  std::uint64_t checksum;  // of everything behind this word
  std::uint64_t epoch[2];
  std::uint64_t revision;
  std::uint32_t fence;          // Why
  std::uint32_t on_fence;       // OnFence
  std::uint32_t permit_needed;  // 0 or 1
  std::uint32_t shapes;         // bit 4*agent + 2*tenant + tool (each: given or not): which kinds of selector exist at all
  Table stops, tools, rules, rule_cells, tool_cells;
};
constexpr std::size_t kChecksummedFrom = offsetof(Header, epoch);

struct FlatStop {
  std::int64_t at;
  std::uint64_t asserted;
  std::int64_t grace_ms;  // kNever: none
  std::int64_t cancel_at;
  std::uint32_t id, tenant, agent, tool, reason, by;
  std::uint32_t mode, local;  // kLocal, kHostOnly
};

struct FlatTool {
  std::uint32_t name, effect;
};

// All stops with this selector. A field is 0 (not given), kAny (given, and the call has none) or a string.
struct Rule {
  std::uint32_t tenant, agent, tool;
  std::uint32_t first[3];  // by Mode: the earliest such stop, or Verdict::kNone
};
constexpr std::int64_t kNever = -1;
constexpr std::uint32_t kLocal = 1, kHostOnly = 2;
constexpr std::uint32_t kAny = 1;  // no string lies there

static_assert(sizeof(Header) == 104 && sizeof(FlatStop) == 64 && sizeof(FlatTool) == 8 && sizeof(Rule) == 24);
static_assert(std::has_unique_object_representations_v<Header> && std::has_unique_object_representations_v<FlatStop> &&
              std::has_unique_object_representations_v<Rule>);

// Strings are a u32 length and the bytes, padded with zeros to whole 8-byte words, so that they compare word by word.
inline std::uint64_t word_of(std::string_view text, std::size_t at) {
  std::uint64_t word = 0;
  std::memcpy(&word, text.data() + at, text.size() - at < 8 ? text.size() - at : 8);
  return word;
}

inline std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = text.size() * 0x9E3779B97F4A7C15u;
  for (std::size_t at = 0; at < text.size(); at += 8) {
    hash = (hash ^ word_of(text, at)) * 0xC2B2AE3D27D4EB4Fu;
    hash ^= hash >> 32;
  }
  return hash;
}

// One hash for a rule's three fields; 0 and kAny stand for themselves.
inline std::uint64_t rule_hash(std::uint64_t tenant, std::uint64_t agent, std::uint64_t tool) {
  std::uint64_t hash = (tenant * 0x9E3779B97F4A7C15u ^ agent) * 0xC2B2AE3D27D4EB4Fu;
  hash = (hash ^ (hash >> 29) ^ tool) * 0x165667B19E3779F9u;
  return hash ^ (hash >> 32);
}

}  // namespace notaus::core
