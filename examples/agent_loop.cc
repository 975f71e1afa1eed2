// The run loop of an agent that can be stopped: the state is asked before each step and at each tool call.
//
//   agent_loop [--state DIR] [--tenant T] [--steps N]
//
// The "model" here proposes a CRM look-up, then a mail, and so on; put your own in its place. Ends with one line:
//   status: done, stop_reason: max_steps, steps: 1000
//   status: stopped, stop_reason: killed, steps: 17, reason: killed: writes_disabled:email.send
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>

#include <notaus/guard.hpp>

namespace {

constexpr int kMaxSteps = 1000;

struct ToolCall {
  std::string tool, arguments;
  notaus::Effect effect;
};

ToolCall next_action(int step) {
  if (step % 2 == 0) return {"crm.find", "{\"open\":true}", notaus::Effect::read};
  return {"email.send", "{\"to\":\"customer-" + std::to_string(step / 2) + "\"}", notaus::Effect::write};
}

void run_tool(const ToolCall& call) {
  std::this_thread::sleep_for(std::chrono::milliseconds(1));  // the world is slow
  std::printf("ran %s\n", call.tool.c_str());
  std::fflush(stdout);
}

struct Ending {
  const char* status;
  const char* stop_reason;
  int steps;
  std::string reason;
};

Ending run(notaus::Guard& guard, std::string_view tenant, int max_steps) {
  for (int step = 0; step < max_steps; ++step) {
    // A step without a tool: only stop_all ends it. It needs no slot, since nothing has an effect yet.
    if (auto killed = guard.check({.tenant = tenant, .run = "example"})) return {"stopped", "killed", step, killed->reason};
    ToolCall call = next_action(step);
    notaus::Call asked{.tenant = tenant, .run = "example", .tool = call.tool, .effect = call.effect, .args = call.arguments};
    if (auto killed = guard.call(asked, [&] { run_tool(call); })) return {"stopped", "killed", step, killed->reason};
  }
  return {"done", "max_steps", max_steps, {}};
}

}  // namespace

int main(int argc, char** argv) {
  std::string state, tenant = "default";
  int max_steps = kMaxSteps;
  for (int i = 1; i + 1 < argc; i += 2) {
    std::string_view flag = argv[i];
    if (flag == "--state") state = argv[i + 1];
    if (flag == "--tenant") tenant = argv[i + 1];
    if (flag == "--steps") max_steps = std::atoi(argv[i + 1]);
  }
  notaus::Guard guard = notaus::Guard::open({.state = state, .tenant = tenant, .name = "agent_loop"});
  if (auto why = guard.trouble(); !why.empty()) std::fprintf(stderr, "agent_loop: every call will be denied: %s\n", why.c_str());
  Ending ending = run(guard, tenant, max_steps);
  std::printf("status: %s, stop_reason: %s, steps: %d", ending.status, ending.stop_reason, ending.steps);
  if (!ending.reason.empty()) std::printf(", reason: %s", ending.reason.c_str());
  std::printf("\n");
  return 0;
}
