// notaus/call.hpp: the words of a decision, shared by everyone who asks and everyone who answers.
//
// Header only, C++20, no dependencies. ARCHITECTURE.md has the glossary.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace notaus {

enum class Effect : std::uint8_t { read, write };

// How a call ended.
enum class Outcome : std::uint8_t {
  running,   // not known to have ended
  done,      // the tool answered
  not_sent,  // no byte of it left this process
  unknown,   // it was sent and no answer was seen
};

// One proposed action. The views need to live only as long as the function they are passed to.
//
// `effect` can only tighten: `write` makes the call a write, `read` leaves the answer to the tool catalogue, where unknown = write.
// A call without a tool is a step of the run loop (a new run, the next turn): a read that only `stop_all` stops.
// An empty tenant or agent is unknown, and so matches every stop of any tenant or agent.
struct Call {
  std::string_view tenant = {}, agent = {}, run = {}, tool = {};
  Effect effect = Effect::read;
  std::string_view args = {};  // never stored: a write's record keeps a keyed digest of these bytes
};

// Why a call was denied. Each has one text, see reason().
enum class Why : std::uint8_t {
  allowed,
  stop_all,
  tool_disabled,
  writes_disabled,
  // fenced: not stopped by anyone, but permitted by no one either
  permit_expired,
  page_missing,
  page_torn,
  page_version,
  page_owner,
  revision_went_back,
  epoch_changed,
  clock_foreign,
  slots_full,
  audit_unavailable,
  guard_fault,
};

// "killed: stop_all", "killed: tool_disabled:email.send", "killed: fenced:page_missing"; empty for `allowed`.
// These strings are contract: programs compare them.
[[nodiscard]] std::string reason(Why why, std::string_view tool);

}  // namespace notaus
