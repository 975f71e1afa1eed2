// gate/strict_json.h: one JSON text, judged strictly and read in place.
//
// What a decision reads must mean the same to us and to whatever server stands behind us, so nothing is repaired: RFC 8259 to the
// letter, UTF-8 by RFC 3629, no BOM, nothing behind the end, bounded depth. Numbers keep their digits and the raw bytes of every
// value stay known. decisions/ says why this is no library; the tests compare it with two.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace notaus::gate {

constexpr int kMaxDepth = 64;
constexpr std::size_t kMaxMembers = 1024;  // of an object that is read; others may have any number

struct Member {
  std::string key;         // unescaped
  std::string_view value;  // as written, without the space around it
};

// What to read of an object: its members, and those of the object under `inner_key`. Everything else is only checked.
struct Members {
  std::vector<Member> list = {};
  std::string_view inner_key = {};
  Members* inner = nullptr;

  [[nodiscard]] std::string_view find(std::string_view key) const;  // its value; empty: there is none
};

// `text` is exactly one JSON object; its members are then in `top`, views into `text`. Else what is wrong with it.
Result<> read_object(std::string_view text, Members& top);

// How many of the first bytes end no string and escape nothing.
[[nodiscard]] std::size_t plain_part(std::string_view bytes);

// The characters of a JSON string; nothing if `json` is none, or has half of a surrogate pair, which no UTF-8 can say. Kept, it is the
// three bytes that UTF-8 would have for it if it had any.
enum class Halves : std::uint8_t { refused, kept };
[[nodiscard]] std::optional<std::string> unescape(std::string_view json, Halves halves = Halves::refused);

// The same for every spelling that a server binding without regard to case would take for one key. Beyond ASCII, Go's
// encoding/json takes the long s and the Kelvin sign for s and k.
[[nodiscard]] std::string fold(std::string_view key);
[[nodiscard]] bool is_folded(std::string_view key);  // fold() would change nothing

}  // namespace notaus::gate
