// gate/canonical_json.h: one spelling for all texts of one JSON value (RFC 8785), so that equal arguments have equal digests: neither the
// order of keys nor white space nor an escape hides a repeat.
//
// What RFC 8785 leaves out, since I-JSON forbids it, keeps what tells it from others, so that no repeat is shown that is none: a key that
// stands twice, in the order it came; half of a surrogate pair; the digits of an integer that a double does not hold, and of what is beyond all doubles.
#pragma once

#include <string>
#include <string_view>

namespace notaus::gate {

// `json` is one value as read_object() accepts it: nothing is judged here.
[[nodiscard]] std::string canonical(std::string_view json);

}  // namespace notaus::gate
