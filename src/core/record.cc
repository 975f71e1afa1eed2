#include "core/record.h"

namespace notaus::core {

JsonLine begin_record(std::string_view kind, const Moment& at, std::string_view boot) {
  JsonLine line;
  line.field("kind", kind).field("at", iso8601(at.wall));
  if (!boot.empty()) line.field("up_ms", at.up.ns / 1'000'000).field("boot", boot);
  return line;
}

}  // namespace notaus::core
