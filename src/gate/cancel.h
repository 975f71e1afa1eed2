// gate/cancel.h: `notaus stop --cancel` carried out upon one server.
//
// A call in scope may end by itself until its stop's grace is over. Then the server is asked to end it, and what it has not answered a
// second later is given up: the client is told that its outcome is unknown, and an answer that comes later is dropped. A server all of
// whose calls have been given up is ended; one that serves others too goes on serving them.
//
// Asking destroys the outcome (servers run the tool to its end and never answer), hence the order. No I/O; the loop does.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "gate/inflight.h"

namespace notaus::gate {

// Something to be said that nobody has asked for: a line of ours.
struct Order {
  enum class To : std::uint8_t {
    server,
    client,
    waiting,  // the client, in place of the answer that it waits for
  } to;
  std::string way;  // on which the call came that it is about; empty: about none
  std::string line;
};

class Canceller {
 public:
  explicit Canceller(InFlight& in_flight) : in_flight_(in_flight) {}

  static constexpr std::int64_t kAnswerNs = 1'000'000'000;  // after it was asked

  void page_changed() { look_ = true; }

  // What is due. While the server is amid a line, nothing is given up: it may be the answer. A server that stays there is ended if it serves
  // nobody else: then this is true.
  bool enforce(BootTime now, bool amid_line, std::vector<Order>& orders);

  // When to come again; nothing: no need before the page changes or the server says something.
  [[nodiscard]] std::optional<BootTime> next() const { return next_; }

  // An answer to what we asked ourselves: the client must not see it.
  [[nodiscard]] bool hear(const ServerLine& line);

 private:
  void look();
  [[nodiscard]] bool all_overdue(BootTime now);
  template <class Ask>
  bool is_asked(Cancelling& ending, BootTime now, Ask ask);
  void enforce_requests(BootTime now, bool amid_line, std::vector<Order>& orders);
  void enforce_tasks(BootTime now, std::vector<Order>& orders);
  std::string task_line(std::string_view method, const std::string& id, const InFlight::Task& task);
  void come_at(BootTime at);

  InFlight& in_flight_;
  std::unordered_map<std::string, std::string> ours_;  // id_key of what we asked -> about which task
  std::optional<BootTime> next_;
  std::string prefix_;  // of our ids
  std::uint64_t asked_ = 0;
  bool look_ = false;
};

}  // namespace notaus::gate
