// demo/smtp.h: as much of SMTP as the demo speaks, both sides. RFC 5321 without extensions.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace notaus::demo {

struct Mail {
  std::string from;
  std::vector<std::string> to;
  std::string text;  // headers and body, lines end in \n
};

// The client: returns when the server has said 250 to the whole mail. Blocks.
Result<> send_mail(int port, const Mail& mail);

// The server's side of one connection, without the connection.
class SmtpSession {
 public:
  static constexpr const char* kGreeting = "220 notaus-demo\r\n";
  static constexpr const char* kTaken = "250 taken\r\n";

  struct Step {
    std::string reply = {};           // empty: none yet
    std::optional<Mail> mail = {};    // complete; answer it with kTaken
    bool bye = false;
  };
  Step hear(const std::string& line);  // without its line end

 private:
  Step command(const std::string& line);
  Mail mail_;
  bool in_data_ = false;
};

}  // namespace notaus::demo
