// demo/voice.h: what the demo says to a person. Silent for --json.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace notaus::demo {

enum class Output { text, json };

class Voice {
 public:
  explicit Voice(Output output);

  void say(std::string_view text);                // as it is; wrap it yourself
  void heading(std::string_view text);
  void moment(double seconds, std::string_view text);  // "  1.5 s  32 mails"
  void typed(std::string_view command);           // "  $ notaus stop …"
  void quote(std::string_view output);            // what a command printed, every line marked, none left out

 private:
  bool silent_, bold_;
};

// Breaks a line at spaces so that none is longer than `width` bytes; what cannot be broken stays long.
std::vector<std::string> wrapped(std::string_view line, std::size_t width);

}  // namespace notaus::demo
