#include "gate/events.h"

#include <algorithm>

namespace notaus::gate {
namespace {

constexpr std::string_view kBom = "\xEF\xBB\xBF";

}  // namespace

EventScan::Taken EventScan::take(std::string_view bytes, LineScan& data) {
  std::size_t at = 0;
  while (at < bytes.size()) {
    const char c = bytes[at];
    if (bom_ < kBom.size() && c == kBom[bom_]) {
      ++bom_, ++at;
      continue;
    }
    if (bom_ < kBom.size()) begins_without_bom(data);
    if (after_cr_ && c != '\n') {  // it was a line end by itself, and this byte begins the next line
      after_cr_ = false;
      if (line_ended(data)) return {at, true};
    }
    ++at;
    after_cr_ = c == '\r';
    if (after_cr_) continue;
    if (c == '\n') {
      if (line_ended(data)) return {at, true};
    } else if (part_ == Part::value && is_data()) {
      const std::size_t end = std::min(bytes.find_first_of("\r\n", at), bytes.size());
      data.take(bytes.substr(at - 1, end - at + 1));
      at = end;
    } else {
      in_line(c, data);
    }
  }
  return {at, false};
}

// What looked like one belongs to the first line.
void EventScan::begins_without_bom(LineScan& data) {
  for (char c : kBom.substr(0, bom_)) in_line(c, data);
  bom_ = kBom.size();
}

bool EventScan::is_data() const { return name_ == "data"; }

void EventScan::in_line(char c, LineScan& data) {
  line_empty_ = false;
  if (part_ == Part::name && c == ':') {
    part_ = Part::space;
    has_ids_ |= name_ == "id";
    if (is_data() && has_data_) data.take("\n");
    return;
  }
  if (part_ == Part::name) {
    if (name_.size() <= kMostShort) name_ += c;
    return;
  }
  const bool first = part_ == Part::space;
  part_ = Part::value;
  if (first && c == ' ') return;  // one belongs to the colon
  if (is_data()) data.take({&c, 1});
  if (name_ == "event" && type_.size() <= kMostShort) type_ += c;
}

// True: it was the blank one behind an event.
bool EventScan::line_ended(LineScan& data) {
  if (part_ == Part::name && is_data() && has_data_) data.take("\n");  // one without a colon, of which all is said
  has_data_ |= !line_empty_ && is_data();
  if (!line_empty_ && name_ == "event") names_endpoint_ |= type_ == "endpoint";
  const bool event_ended = line_empty_;
  if (event_ended) has_data_ = false;
  part_ = Part::name;
  name_.clear();
  type_.clear();
  line_empty_ = true;
  return event_ended;
}

}  // namespace notaus::gate
