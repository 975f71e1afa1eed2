// core/state.h: what operators have asked for, as plain values. `Snapshot` is the same, flat.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <notaus/call.hpp>

#include "base/clock.h"
#include "base/result.h"

namespace notaus::core {

enum class Mode : std::uint8_t { disable_writes, stop_all, disable_tool };
enum class OnFence : std::uint8_t { disable_writes, stop_all };

[[nodiscard]] std::string_view text(Mode mode);
[[nodiscard]] std::optional<Mode> mode_of(std::string_view text);
[[nodiscard]] std::string_view text(Effect effect);
[[nodiscard]] std::optional<Effect> effect_of(std::string_view text);
[[nodiscard]] std::string_view text(Outcome outcome);

// Any subset of the three; an empty field is not given; none given = global. `tool` is exact, or "prefix.*".
struct Selector {
  std::string tenant = {}, agent = {}, tool = {};

  [[nodiscard]] bool global() const { return tenant.empty() && agent.empty() && tool.empty(); }
  auto operator<=>(const Selector&) const = default;
};

// "global", "tenant=acme tool=email.*"
[[nodiscard]] std::string text(const Selector& selector);

// All given fields match. A call without tenant or agent matches every selector on that field, one without a tool no tool.
[[nodiscard]] bool matches(const Selector& selector, const Call& call);

// "browser.*" matches "browser.click" and "browser."; anything else is exact, also "browser*".
[[nodiscard]] bool is_prefix(std::string_view tool);
[[nodiscard]] bool tool_matches(std::string_view pattern, std::string_view tool);

// A name that may stand in a selector: 1 to 256 bytes of UTF-8 without control characters.
[[nodiscard]] Result<> check_name(std::string_view what, std::string_view name);

// A name that may stand in the catalogue: as above, and a `*` only at the end of "prefix.*", so that nobody takes `*` for a pattern
// that makes every tool a read.
[[nodiscard]] Result<> check_tool(std::string_view name);

struct Stop {
  std::string id = {};
  Selector selector = {};
  Mode mode = Mode::disable_writes;
  std::string reason = {};  // empty: none was given
  std::string by = {};
  WallTime at = {};
  std::uint64_t asserted = 0;  // revision of its newest assertion; 0 while it is in no ledger
  std::optional<std::chrono::milliseconds> grace = {};  // calls in flight may end by themselves for so long; nothing: for ever
  BootTime cancel_at = {};  // of a page: when its grace ends on this host, counted from when the stop first stood there; 0: never
  bool local = false;  // on this host's page, not (yet) in the ledger
  bool host_only = false;  // local for good: the ledger records it and never takes it into its state

  bool operator==(const Stop&) const = default;
};

// A repeat of a stop stands on the page as a local one, under the stop's id and this mark, until the ledger has it.
constexpr char kRepeatMark = '~';
[[nodiscard]] inline std::string repeated_by(const std::string& id) { return id.substr(0, id.find(kRepeatMark)); }

struct State {
  std::string epoch;
  std::uint64_t revision = 0;
  std::vector<Stop> stops;  // in order of their first assertion
  std::map<std::string, Effect> catalogue;  // tool or "prefix.*" -> effect; not named = write
  Why fence = Why::allowed;  // else: every call is denied with this
  OnFence on_fence = OnFence::disable_writes;
  bool permit_needed = false;  // false with the embedded ledger: this host is all there is

  bool operator==(const State&) const = default;
};

}  // namespace notaus::core
