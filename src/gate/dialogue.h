// gate/dialogue.h: what one caller and one MCP server say to each other in one session, over however many requests of HTTP, on whichever
// threads. The one lock of this room: a Session is small and does no I/O, so it is held for a microsecond.
//
// What nobody waits for on any request (a task is to end) is said by whoever keeps the time.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "gate/session.h"

namespace notaus::gate {

class Dialogue {
 public:
  Dialogue(Guard& guard, const Caller& caller, std::string server)
      : session_(guard, caller), caller_(caller), server_(std::move(server)) {}

  template <class Use>
  auto with(Use use) {
    std::lock_guard lock(mutex_);
    return use(session_);
  }

  // From now on `tell` gets what is to be said on this way, on any thread and with the lock held.
  using Tell = std::function<void(const Order&)>;
  void listen(const Way& way, Tell tell);
  void leave(const Way& way, Rest rest);

  // How the client presents itself to the server, besides the message: head lines.
  void speaks_as(std::string lines);
  [[nodiscard]] std::string head_lines();

  void page_changed();

  struct Due {
    std::vector<std::string> to_server = {};  // that nobody else says
    std::optional<BootTime> next = {};
  };
  Due keep_time(BootTime now);

  [[nodiscard]] const Caller& caller() const { return caller_; }
  [[nodiscard]] const std::string& server() const { return server_; }
  [[nodiscard]] bool idle();  // nothing is in flight and nobody listens

  BootTime used_at = {};  // the hub's

 private:
  std::mutex mutex_;
  Session session_;
  const Caller caller_;
  const std::string server_;
  std::map<std::string, Tell> listeners_;
  std::string head_lines_;
};

}  // namespace notaus::gate
