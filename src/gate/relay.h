// gate/relay.h: decides when bytes of the server may go on to the client.
//
// A request of the server must be held until it is decided, anything else should flow. Only a request has no result: so a line is
// held until it ends, or until it is long and known to be an answer or no message at all. Bytes go on exactly as they came.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "gate/server_line.h"

namespace notaus::gate {

class Relay {
 public:
  enum class State {
    holding,    // keep the bytes
    streaming,  // `bytes` may go, the line goes on
    ended,      // the line is complete: judge it by finish(), then `bytes` may go, or not
    overlong,   // it ended, never decided, and is lost
  };

  explicit Relay(std::size_t max_line) : max_line_(max_line) {}

  // Takes from the front of `bytes` up to the end of one line.
  State take(std::string_view& bytes);

  ServerLine finish();  // after ended or overlong

  std::string bytes = {};  // not yet gone; the caller takes them out

  [[nodiscard]] bool inside_line() const { return streaming_; }  // its first bytes are gone, the rest are not

 private:
  LineScan scan_;
  std::size_t max_line_;
  bool streaming_ = false, lost_ = false;
};

}  // namespace notaus::gate
