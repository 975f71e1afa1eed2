// page/digest.h: tells that two calls had the same arguments, and nothing else about them.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "page/state_dir.h"

namespace notaus::page {

class DigestKey {
 public:
  // The state's key; without one (not readable by this user) every digest is zero, which records leave out.
  static DigestKey load(const StateDir& state);

  // A new random key at live/keys, unless there is one.
  static Result<> make(const StateDir& state);

  // Keyed BLAKE2b (RFC 7693), 16 bytes, over the tenant's name and the arguments: equal only within one tenant.
  [[nodiscard]] std::array<std::uint64_t, 2> digest(std::string_view tenant, std::string_view args) const;

 private:
  std::string key_;
};

}  // namespace notaus::page
