// demo/demo.h: `notaus demo` and the two hidden commands its processes are made of.
#pragma once

#include <string>
#include <vector>

#include "demo/voice.h"

namespace notaus::demo {

enum class Stop { issued, left_out };  // left_out: what the demo must then call failed (its own negative control)

struct Flags {
  Output output = Output::text;
  Stop stop = Stop::issued;
};
int run(const Flags& flags);

// demo-mailer: an MCP server over stdio, with email.send (by SMTP, really) and crm.find.
struct MailerFlags {
  int smtp = 0;
  std::string from;
};
int run_mailer(const MailerFlags& flags);

// demo-agent: what the incident's agent did, without a model: it looks a customer up, writes to them, goes on to the next; some twice.
// It speaks MCP to `command`, writes one JSON line per answer to stdout, and ends when its stdin does.
struct AgentFlags {
  int first_customer = 0;
  int every_ms = 200, after_ms = 0;
};
int run_agent(const AgentFlags& flags, const std::vector<std::string>& command);

}  // namespace notaus::demo
