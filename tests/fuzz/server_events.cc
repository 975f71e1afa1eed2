// What a server sends goes on byte for byte, in whatever pieces it came, and where its events end and what they carry is what the standard says:
// a second reading of WHATWG HTML 9.2.6, written here, line by line.
#include <algorithm>
#include <utility>
#include <vector>

#include "fuzz.h"
#include "gate/relay.h"

namespace notaus {
namespace {

using gate::Relay;
using gate::ServerLine;

struct Heard {
  std::string out;
  std::vector<std::string> messages;  // what of each was understood

  bool operator==(const Heard&) const = default;
};

std::string facts(const ServerLine& line) {
  std::string out = std::to_string(static_cast<int>(line.form)) + (line.has_method ? "m" : "") + (line.has_result ? "r" : "") +
                    (line.has_error ? "e" : "");
  for (const std::string& one :
       {line.id, line.method, line.result_type, line.task, line.status, line.cancels, line.progress, line.subscription})
    out += "|" + one;
  return out;
}

Heard relayed(std::string_view bytes, std::size_t step, Relay::Form form) {
  Relay relay(1 << 20, form);
  Heard heard;
  for (std::size_t at = 0; at < bytes.size(); at += step)
    for (std::string_view piece = bytes.substr(at, step); !piece.empty();) {
      if (relay.take(piece) != Relay::State::ended) continue;
      heard.messages.push_back(facts(relay.finish()));
      heard.out += std::exchange(relay.bytes, {});
    }
  heard.messages.push_back(facts(relay.finish()));
  heard.out += relay.bytes;
  return heard;
}

// Without the last one, if nothing ends it.
std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  for (std::size_t end = text.find_first_of("\r\n"); end != std::string_view::npos; end = text.find_first_of("\r\n")) {
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end + (text.substr(end).starts_with("\r\n") ? 2 : 1));
  }
  return lines;
}

// The data of each event that has ended.
std::vector<std::string> by_the_standard(std::string_view stream) {
  if (stream.starts_with("\xEF\xBB\xBF")) stream.remove_prefix(3);
  std::vector<std::string> events;
  std::string data;
  bool has_data = false;
  for (std::string_view line : lines_of(stream)) {
    if (line.empty()) {
      events.push_back(std::exchange(data, {}));
      has_data = false;
      continue;
    }
    const std::size_t colon = line.find(':');
    if (line.substr(0, colon) != "data") continue;
    std::string_view value = colon == std::string_view::npos ? "" : line.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    data.append(has_data ? "\n" : "").append(value);
    has_data = true;
  }
  return events;
}

// Beyond this a value is not kept, and where it is cut is not the standard's business.
bool ordinary(std::string_view bytes) { return bytes.size() < 512; }

}  // namespace
}  // namespace notaus

using namespace notaus;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = text_of(data, size);
  for (const Relay::Form form : {Relay::Form::lines, Relay::Form::events, Relay::Form::whole}) {
    const Heard heard = relayed(bytes, std::max<std::size_t>(bytes.size(), 1), form);
    hold(heard.out == bytes, "the bytes that go on", heard.out);
    hold(relayed(bytes, step_of(bytes), form) == heard, "the pieces it came in");
    if (form != Relay::Form::events || !ordinary(bytes)) continue;
    const auto events = by_the_standard(bytes);
    for (std::size_t i = 0; i + 1 < heard.messages.size() && i < events.size(); ++i) {
      gate::LineScan scan;
      scan.take(events[i]);
      hold(heard.messages[i] == facts(scan.finish()), "what an event carries", heard.messages[i] + " in " + events[i]);
    }
    // A CR at the very end may be half of a CRLF: until the next byte comes nobody knows.
    const std::size_t ended = heard.messages.size() - 1;
    hold(ended == events.size() || (bytes.ends_with('\r') && ended + 1 == events.size()), "where events end",
         std::to_string(ended));
  }
  return 0;
}
