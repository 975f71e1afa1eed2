// gate/hub.h: the MCP dialogues of all lanes, found by who calls, which server, and the session that a request names.
//
// Has a guard of its own, since a session's requests come in on any lane. Outlives the lanes.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <tuple>

#include "gate/dialogue.h"

namespace notaus::gate {

class Hub {
 public:
  static constexpr std::size_t kMost = 65536;
  static constexpr std::int64_t kForgetNs = 3'600'000'000'000;  // of a session that nobody uses

  // `changed` is called on the guard's thread after each flip.
  Hub(const std::string& state, std::function<void()> changed);

  // nullptr: the session is another caller's, or there are too many. `session` empty: none; then it is the caller's one dialogue with this
  // server, where the ids of two requests have nothing to do with each other.
  std::shared_ptr<Dialogue> dialogue(const std::string& server, const Caller& caller, std::string_view session);

  // The server has ended it. What was in flight is unknown.
  void end(const std::string& server, std::string_view session);

  void page_changed();

  struct Due {
    std::vector<std::pair<std::shared_ptr<Dialogue>, std::string>> to_server = {};
    std::optional<BootTime> next = {};
  };
  Due keep_time(BootTime now);

  [[nodiscard]] Guard& guard() { return guard_; }

 private:
  template <class Text>
  using NameOf = std::tuple<Text, Text, Text, Text>;  // server, session, tenant, agent; these two without a session
  std::vector<std::shared_ptr<Dialogue>> all();

  Guard guard_;
  std::mutex mutex_;
  std::map<NameOf<std::string>, std::shared_ptr<Dialogue>, std::less<>> dialogues_;
};

}  // namespace notaus::gate
