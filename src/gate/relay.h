// gate/relay.h: decides when bytes of the server may go on to the client.
//
// A request of the server must be held until it is decided, anything else should flow. Only a request has no result: so a message is
// held until it ends, or until it is long and known to be an answer or no message at all. Bytes go on exactly as they came.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "gate/events.h"
#include "gate/server_line.h"

namespace notaus::gate {

class Relay {
 public:
  enum class State {
    holding,  // keep the bytes
    streaming,  // `bytes` may go, the message goes on
    ended,  // the message is complete: judge it by finish(), then `bytes` may go, or not
    overlong,  // it ended, never decided, and is lost
  };

  // How messages stand one behind another: each a line; each an event; the only one, which ends where the bytes do.
  enum class Form : std::uint8_t { lines, events, whole };

  explicit Relay(std::size_t max_line, Form form = Form::lines) : max_line_(max_line), form_(form) {}

  // Takes from the front of `bytes` up to the end of one message.
  State take(std::string_view& bytes);

  ServerLine finish();  // after ended or overlong, or where the bytes end

  std::string bytes = {};  // not yet gone; the caller takes them out

  // Answers are held until they end, up to the longest line, since some may have to be dropped; longer ones flow all the same.
  void hold_whole(bool whole) { whole_ = whole; }

  [[nodiscard]] bool inside_line() const { return streaming_; }  // its first bytes are gone, the rest are not
  [[nodiscard]] const EventScan& events() const { return events_; }

 private:
  EventScan::Taken cut(std::string_view from);

  LineScan scan_;
  EventScan events_;
  std::size_t max_line_;
  Form form_;
  bool streaming_ = false, lost_ = false, whole_ = false;
};

}  // namespace notaus::gate
