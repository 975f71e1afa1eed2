// base/result.h: trouble as a value. We throw nothing; a library that throws is wrapped in the one file that includes it.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace notaus {

// Named by what the caller may do about it.
enum class Kind {
  retry,        // the same call may work in a moment: a lock was held, a server was busy
  refused,      // asked and answered no: a rule, a permission, a conflict
  gone,         // what was asked for is not there
  broken,       // it is there and cannot be trusted: damaged, foreign, of another time
  unsupported,  // this machine or version cannot do it
};

struct Trouble {
  Kind kind;
  std::string what;  // names the thing and the remedy

  // Puts where it happened in front: "renewing: ledger.db: disk I/O error".
  [[nodiscard]] Trouble in(std::string_view where) const { return {kind, std::string(where) + ": " + what}; }
};

template <class T = void>
using Result = std::expected<T, Trouble>;

[[nodiscard]] inline std::unexpected<Trouble> trouble(Kind kind, std::string what) {
  return std::unexpected(Trouble{kind, std::move(what)});
}

}  // namespace notaus
