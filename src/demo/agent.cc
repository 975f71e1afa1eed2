#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <iostream>

#include <fmt/format.h>

#include "demo/child.h"
#include "demo/demo.h"
#include "demo/json.h"

namespace notaus::demo {
namespace {

using Clock = std::chrono::steady_clock;

enum class Told { go_on, end };

// Ours to end when whoever started us closes our stdin.
Told rest_until(Clock::time_point at) {
  while (true) {
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(at - Clock::now()).count();
    pollfd fd{STDIN_FILENO, POLLIN, 0};
    if (poll(&fd, 1, static_cast<int>(std::max<std::int64_t>(left, 0))) > 0) return Told::end;
    if (left <= 0) return Told::go_on;
  }
}

class Tools {
 public:
  explicit Tools(Child server) : server_(std::move(server)) {}
  ~Tools() { server_.end(std::chrono::seconds(1)); }

  // The answer's result, or nothing: the server is gone, or we are to end.
  std::optional<Json> ask(const std::string& method, const Json& params) {
    Json asked = {{"jsonrpc", "2.0"}, {"id", ++last_id_}, {"method", method}, {"params", params}};
    if (!server_.tell(dump(asked))) return std::nullopt;
    while (auto line = next_line()) {
      Json answer = Json::parse(*line, nullptr, false);
      if (answer.is_object() && answer.value("id", 0) == last_id_) return answer.value("result", Json::object());
    }
    return std::nullopt;
  }

  bool open() {
    auto met = ask("initialize", {{"protocolVersion", "2025-06-18"},
                                  {"capabilities", Json::object()},
                                  {"clientInfo", {{"name", "demo-agent"}, {"version", "1"}}}});
    return met && server_.tell(R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
  }

  // The answer's text, told to whoever watches.
  std::optional<std::string> call(const std::string& tool, const Json& arguments) {
    auto result = ask("tools/call", {{"name", tool}, {"arguments", arguments}});
    if (!result) return std::nullopt;
    std::string text;
    for (const Json& part : result->value("content", Json::array())) text += part.value("text", "");
    std::string_view answer = !result->value("isError", true) ? "ok" : text.starts_with("killed: ") ? "denied" : "failed";
    std::cout << dump({{"tool", tool}, {"answer", answer}, {"says", text.substr(0, text.find('\n'))}}) << std::endl;
    return text;
  }

 private:
  std::optional<std::string> next_line() {
    while (true) {
      if (auto line = server_.next_line()) return line;
      if (!server_.talks()) return std::nullopt;
      pollfd fds[] = {{server_.watched(), POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
      poll(fds, 2, -1);
      if (fds[1].revents != 0) return std::nullopt;
      if (fds[0].revents != 0) server_.hear();
    }
  }

  Child server_;
  int last_id_ = 0;
};

// "Follow up" had become "send now". Every fifth mail goes out once more: the agent is not sure that it did.
bool follow_up(Tools& tools, int turn, int first_customer) {
  int customer = first_customer + (turn % 5 == 4 ? turn - 1 : turn);
  auto to = tools.call("crm.find", {{"customer", fmt::format("customer-{}", customer)}});
  return to && tools.call("email.send",
                          {{"to", *to}, {"subject", "Following up"}, {"body", "Did you have a chance to look at our offer?"}});
}

}  // namespace

int run_agent(const AgentFlags& flags, const std::vector<std::string>& command) {
  if (command.empty()) return 2;
  signal(SIGPIPE, SIG_IGN);
  auto server = Child::start(command, Child::Stderr::ours);
  if (!server) {
    fmt::print(stderr, "notaus: {}\n", server.error().what);
    return 1;
  }
  Tools tools(std::move(*server));
  if (!tools.open()) return 1;
  auto next = Clock::now() + std::chrono::milliseconds(flags.after_ms);
  for (int turn = 0; rest_until(next) == Told::go_on; ++turn) {
    if (!follow_up(tools, turn, flags.first_customer)) break;
    next = std::max(next + std::chrono::milliseconds(flags.every_ms), Clock::now());
  }
  return 0;
}

}  // namespace notaus::demo
