// base/id.h: random names that nobody has to hand out.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace notaus {

std::uint64_t random_u64();  // from getrandom(2); aborts if the kernel has none

std::string new_id();     // 13 characters of [0-9a-z], 64 random bits: stops, actions, processes
std::string new_epoch();  // 32 hex digits, 128 random bits: one life of one ledger

}  // namespace notaus
