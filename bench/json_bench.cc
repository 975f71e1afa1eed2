// What it costs to read a message of MCP as strictly as the gate does (RFC 8259 and UTF-8 to the letter, no key twice where it decides),
// beside a parser that takes it as it comes.
#include <benchmark/benchmark.h>

#include <nlohmann/json.hpp>

#include "gate/mcp.h"

namespace notaus::bench {
namespace {

// A mail, as an agent sends it: 1 KiB of a few fields and a text with escapes.
std::string mail() {
  const std::string head =
      R"({"jsonrpc":"2.0","id":17,"method":"tools/call","params":{"name":"email.send","arguments":{"to":["bo@example.com","di@example.com"],)"
      R"("subject":"Offer 4711 \u2013 following up","urgent":false,"priority":3,"text":")";
  const std::string tail = R"("},"_meta":{"progressToken":"a4711"}}})";
  std::string text;
  while (head.size() + text.size() + tail.size() + 64 <= 1024)
    text += R"(Dear Bo,\nthe offer of last week, for 12.5% less: see below.\n)";
  return head + text + std::string(1024 - head.size() - text.size() - tail.size(), 'x') + tail;
}

void validate_1KiB(benchmark::State& state) {
  const std::string line = mail();
  auto message = gate::classify(line);
  if (!message || message->tool != "email.send") return state.SkipWithError("not taken: this measures nothing");
  for (auto _ : state) benchmark::DoNotOptimize(gate::classify(line));
}
BENCHMARK(validate_1KiB);

void nlohmann_1KiB(benchmark::State& state) {
  const std::string line = mail();
  for (auto _ : state) benchmark::DoNotOptimize(nlohmann::json::parse(line));
}
BENCHMARK(nlohmann_1KiB);

}  // namespace
}  // namespace notaus::bench

BENCHMARK_MAIN();
