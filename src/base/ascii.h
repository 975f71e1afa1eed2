// base/ascii.h: letters as protocols know them, whatever the locale.
#pragma once

namespace notaus {

[[nodiscard]] constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

}  // namespace notaus
