// gate/events.h: where a server-sent event ends, and what it carries (WHATWG HTML 9.2.6), in bytes as they come.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "gate/server_line.h"

namespace notaus::gate {

class EventScan {
 public:
  struct Taken {
    std::size_t count;
    bool ended;  // an event, with the last of these bytes
  };

  // From the front of `bytes` up to the end of one event. What its data lines carry goes into `data`.
  Taken take(std::string_view bytes, LineScan& data);

  // Some event so far had an id: who lost the stream may ask for the rest of it.
  [[nodiscard]] bool has_ids() const { return has_ids_; }

  // Some event so far was an `endpoint`, which servers of the revision 2024-11-05 begin with.
  [[nodiscard]] bool names_endpoint() const { return names_endpoint_; }

 private:
  enum class Part : std::uint8_t { name, space, value };
  static constexpr std::size_t kMostShort = 8;  // of a name, or of an event's type: those we know are no longer

  void begins_without_bom(LineScan& data);
  void in_line(char c, LineScan& data);
  bool line_ended(LineScan& data);
  [[nodiscard]] bool is_data() const;

  Part part_ = Part::name;
  std::string name_, type_;
  bool line_empty_ = true, after_cr_ = false, has_data_ = false, has_ids_ = false, names_endpoint_ = false;
  std::size_t bom_ = 0;  // bytes of one that were seen where the stream begins
};

}  // namespace notaus::gate
