#include "base/bytes.h"

#include <bit>

namespace notaus {
namespace {

constexpr std::uint64_t k1 = 0x9E3779B185EBCA87, k2 = 0xC2B2AE3D27D4EB4F, k3 = 0x165667B19E3779F9, k4 = 0x85EBCA77C2B2AE63,
                        k5 = 0x27D4EB2F165667C5;

std::uint64_t round(std::uint64_t lane, std::uint64_t word) { return std::rotl(lane + word * k2, 31) * k1; }
std::uint64_t merge(std::uint64_t hash, std::uint64_t lane) { return (hash ^ round(0, lane)) * k1 + k4; }

}  // namespace

std::uint64_t checksum(Bytes words, std::uint64_t seed) {
  const std::byte* at = words.data();
  const std::byte* end = at + words.size() / 8 * 8;
  std::uint64_t hash = seed + k5;
  if (words.size() >= 32) {
    std::uint64_t a = seed + k1 + k2, b = seed + k2, c = seed, d = seed - k1;
    for (; end - at >= 32; at += 32) {
      a = round(a, load<std::uint64_t>(at));
      b = round(b, load<std::uint64_t>(at + 8));
      c = round(c, load<std::uint64_t>(at + 16));
      d = round(d, load<std::uint64_t>(at + 24));
    }
    hash = std::rotl(a, 1) + std::rotl(b, 7) + std::rotl(c, 12) + std::rotl(d, 18);
    for (std::uint64_t lane : {a, b, c, d}) hash = merge(hash, lane);
  }
  hash += words.size();
  for (; at < end; at += 8) hash = std::rotl(hash ^ round(0, load<std::uint64_t>(at)), 27) * k1 + k4;
  hash = (hash ^ (hash >> 33)) * k2;
  hash = (hash ^ (hash >> 29)) * k3;
  return hash ^ (hash >> 32);
}

}  // namespace notaus
