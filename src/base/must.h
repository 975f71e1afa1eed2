// base/must.h: what cannot be, always on. `must(next > now, next, now);` prints both values and aborts.
//
// For our own bugs only: bytes from outside are never `must`, they are Trouble. Inside a customer's process the guard does not use
// it; there a broken invariant denies (page/guard.cc, Why::guard_fault).
#pragma once

#include <cstdio>
#include <cstdlib>
#include <source_location>
#include <string>

#include <fmt/format.h>

namespace notaus {

template <class... Values>
struct must {
  must(bool holds, const Values&... values, std::source_location at = std::source_location::current()) {  // NOLINT
    if (holds) [[likely]]
      return;
    std::string seen;
    ((seen += fmt::format(" {}", values)), ...);
    std::fputs(fmt::format("notaus: bug at {}:{} in {}:{}\n", at.file_name(), at.line(), at.function_name(), seen).c_str(), stderr);
    std::abort();
  }
};
template <class... Values>
must(bool, const Values&...) -> must<Values...>;

}  // namespace notaus
