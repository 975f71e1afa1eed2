// gate/supervisor.h: MCP servers that are commands, for the agents who reach them over HTTP: who gets which child, how many there may be,
// and when each ends.
//
// In the old era a session is a child: it begins at `initialize` and ends by DELETE, unused for an hour, or with the gate. The new era has
// no sessions, and a caller's requests in one revision share a child as long as their ids differ; two clients who count alike get one
// each, so that no id has to be written anew. Two callers never share one.
//
// Threads: one of its own, which is also the one that the children die with. take(), leave() and page_changed() may be called on any.
#pragma once

#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "gate/piped.h"

namespace notaus::gate {

// A request that is to go to a child.
struct Errand {
  enum class What : std::uint8_t { message, news, end } what;
  std::string server, session;  // as the request names it; empty: none
  Command command;
  Caller caller;
  Outgoing outgoing;
};

class Supervisor final : public net::Timed {
 public:
  struct Limits {
    std::size_t all = 256, of_caller = 32;  // children
    std::int64_t forget_session_ns = 3'600'000'000'000;  // that nobody uses
    std::int64_t forget_ns = 300'000'000'000;  // a child without one
  };

  // Guard and heir, if there is one, outlive it.
  explicit Supervisor(Guard& guard, const Heir* heir = nullptr) : Supervisor(guard, heir, Limits()) {}
  Supervisor(Guard& guard, const Heir* heir, Limits limits);
  ~Supervisor() { end(); }

  void take(Errand errand);
  void leave(const std::string& way);
  void page_changed();

  void end();  // of all children, as far as they can be made to; a few seconds at most

  void tick(BootTime now) override;

 private:
  struct Housed {
    std::string server, session;
    Command command;
    Caller caller;
    std::string version;  // of the new era: a server may speak one for as long as it lives
    std::shared_ptr<Piped> piped;
    BootTime used_at;
  };
  void decide(Errand errand);
  Housed* find(const Errand& errand);
  Housed* shared(const Errand& errand);
  Housed* start(const Errand& errand, std::string session);

  Guard& guard_;
  const Heir* heir_;
  const Limits limits_;
  net::Loop loop_;
  std::vector<Housed> children_;
  std::unordered_map<std::string, std::weak_ptr<Piped>> ways_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace notaus::gate
