#include "base/id.h"

#include <sys/random.h>

#include "base/must.h"

namespace notaus {

std::uint64_t random_u64() {
  std::uint64_t value = 0;
  must(getrandom(&value, sizeof value, 0) == ssize_t{sizeof value});
  return value;
}

std::string new_id() {
  constexpr char kDigits[] = "0123456789abcdefghjkmnpqrstvwxyz";  // Crockford's base 32: no i, l, o, u to misread aloud
  std::string id(13, '0');
  std::uint64_t bits = random_u64();
  for (char& c : id) {
    c = kDigits[bits & 31];
    bits >>= 5;
  }
  return id;
}

std::string new_epoch() { return fmt::format("{:016x}{:016x}", random_u64(), random_u64()); }

}  // namespace notaus
