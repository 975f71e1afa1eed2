// app/demo.h: `notaus demo` and the two hidden commands its processes are made of.
#pragma once

#include <string>
#include <vector>

#include "app/commands.h"

namespace notaus::app {

enum class DemoStop { issued, left_out };  // left_out: what the demo must then call failed (its own negative control)

struct DemoFlags {
  Output output = Output::text;
  DemoStop stop = DemoStop::issued;
};
int demo_command(const DemoFlags& flags);

// demo-mailer: an MCP server over stdio, with email.send (by SMTP, really) and crm.find.
struct DemoMailerFlags {
  int smtp = 0;
  std::string from;
};
int demo_mailer_command(const DemoMailerFlags& flags);

// demo-agent: what the incident's agent did, without a model: it looks a customer up, writes to them, goes on to the next; some twice.
// It speaks MCP to `command`, writes one JSON line per answer to stdout, and ends when its stdin does.
struct DemoAgentFlags {
  int first_customer = 0;
  int every_ms = 200, after_ms = 0;
};
int demo_agent_command(const DemoAgentFlags& flags, const std::vector<std::string>& command);

}  // namespace notaus::app
