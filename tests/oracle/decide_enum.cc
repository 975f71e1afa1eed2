// decide_enum: answers decide() for cases on stdin, one verdict a line, so that another language can compare every cell.
//
//   missing                                     no page at all; or
//   state FENCE ON_FENCE PERMIT_UNTIL           begins a state; FENCE and PERMIT_UNTIL may be "-"
//   stop  ID TENANT AGENT TOOL MODE             one of its stops, in order; "-" = not given
//   tool  NAME EFFECT                           one of its catalogue's entries
//   call  TENANT AGENT TOOL EFFECT NOW          -> "REASON\tSTOP"
//   match TENANT AGENT TOOL TENANT AGENT TOOL   -> "yes" or "no": does this selector match this call
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "core/snapshot.h"

namespace {
using namespace notaus;
using namespace notaus::core;

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "decide_enum: %s\n", why.c_str());
  std::exit(1);
}

struct Words {
  explicit Words(const std::string& line) : in(line) {}

  std::string next() {
    std::string word;
    if (!(in >> word)) give_up("too few words: " + in.str());
    return word == "-" ? "" : word;
  }
  std::istringstream in;
};

Why why_of(const std::string& fence) {
  if (fence.empty()) return Why::allowed;
  for (int i = 0; i < 64; ++i) {
    const auto why = static_cast<Why>(i);
    if (reason(why, "") == "killed: fenced:" + fence) return why;
    if (why == Why::guard_fault) break;
  }
  give_up("no such fence: " + fence);
}

std::string match(Words words) {
  const std::string tenant = words.next(), agent = words.next(), tool = words.next();
  const std::string of = words.next(), by = words.next(), named = words.next();
  return matches({tenant, agent, tool}, {.tenant = of, .agent = by, .tool = named}) ? "yes\n" : "no\n";
}

// One state at a time; flattened when its first call is asked, since every process decides on the flat form.
class Board {
 public:
  void missing() { begin({}), snapshot_ = Snapshot(); }

  void state(Words words) {
    begin({});
    state_.epoch = "00000000000000aa00000000000000bb";
    state_.revision = 7;
    state_.fence = why_of(words.next());
    state_.on_fence = words.next() == "stop_all" ? OnFence::stop_all : OnFence::disable_writes;
    const std::string until = words.next();
    state_.permit_needed = !until.empty();
    permit_until_ = until.empty() ? 0 : std::atoll(until.c_str());
  }

  void stop(Words words) {
    Stop stop;
    stop.id = words.next();
    stop.selector.tenant = words.next();
    stop.selector.agent = words.next();
    stop.selector.tool = words.next();
    const auto mode = mode_of(words.next());
    if (!mode) give_up("no such mode");
    stop.mode = *mode;
    state_.stops.push_back(stop);
  }

  void tool(Words words) {
    const std::string name = words.next();
    state_.catalogue[name] = words.next() == "read" ? Effect::read : Effect::write;
  }

  std::string call(Words words) {
    const std::string tenant = words.next(), agent = words.next(), tool = words.next(), effect = words.next();
    const BootTime now{std::atoll(words.next().c_str())};
    const Call call{.tenant = tenant, .agent = agent, .tool = tool, .effect = effect == "write" ? Effect::write : Effect::read};
    const Verdict verdict = decide(snapshot(), call, now);
    return reason(verdict.why, tool) + "\t" + (verdict.stop == Verdict::kNone ? "" : snapshot().stop_id(verdict.stop)) + "\n";
  }

 private:
  void begin(State state) { state_ = std::move(state), snapshot_.reset(), permit_until_ = 0; }

  const Snapshot& snapshot() {
    if (snapshot_) return *snapshot_;
    auto words = flatten(state_, 1 << 20);
    if (!words) give_up("flatten: " + words.error().what);
    image_ = std::move(*words);
    auto opened = Snapshot::open(bytes_of(image_));
    if (!opened) give_up("open: " + opened.error().what);
    snapshot_ = *opened;
    snapshot_->permit_until = BootTime{permit_until_};
    return *snapshot_;
  }

  State state_;
  std::int64_t permit_until_ = 0;
  std::vector<std::uint64_t> image_;
  std::optional<Snapshot> snapshot_;
};

}  // namespace

int main() {
  std::ios::sync_with_stdio(false);
  Board board;
  std::string line;
  while (std::getline(std::cin, line)) {
    Words words(line);
    const std::string verb = words.next();
    if (verb == "call")
      std::cout << board.call(std::move(words));
    else if (verb == "match")
      std::cout << match(std::move(words));
    else if (verb == "state")
      board.state(std::move(words));
    else if (verb == "stop")
      board.stop(std::move(words));
    else if (verb == "tool")
      board.tool(std::move(words));
    else if (verb == "missing")
      board.missing();
    else
      give_up("no such verb: " + verb);
  }
}
