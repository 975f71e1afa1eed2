// demo/stage.h: one act's processes and its mail server, and the one place where the demo waits: for a condition, never for time.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "demo/child.h"
#include "demo/sink.h"

namespace notaus::demo {

// What ends the demo early, whatever it waits for.
struct Ends {
  BootTime deadline;
  Fd signals;  // a signalfd; an interrupt is Kind::refused
};
Ends ends_within(int seconds);

struct Deeds {  // as the agent saw them answered
  std::uint64_t reads = 0, sent = 0, denied = 0, failed = 0;
  std::string denial = {};  // the last one's first line
};

struct Answer {
  int exit;
  BootTime asked, ended;  // around the whole process
  std::string text;  // stdout and stderr as they came
};

class Stage {
 public:
  static Result<std::unique_ptr<Stage>> open(const Ends& ends);
  ~Stage();  // ends every process of the act

  [[nodiscard]] Sink& sink() { return *sink_; }
  Result<> enter(const std::string& tenant, std::vector<std::string> argv);
  Result<> until(const std::string& what, const std::function<bool()>& done);
  Result<Answer> run(std::vector<std::string> argv);  // meanwhile the others go on
  [[nodiscard]] Deeds deeds(const std::string& tenant) const;

 private:
  struct Actor {
    std::string tenant;
    Child process;
    Deeds deeds = {};
    std::string last_words = {};  // of its stderr
  };

  Stage(const Ends& ends, std::unique_ptr<Sink> sink) : ends_(ends), sink_(std::move(sink)) {}
  Result<> look_once(const std::string& what);
  Result<> hear(Actor& actor);

  const Ends& ends_;
  std::unique_ptr<Sink> sink_;
  std::vector<Actor> actors_;
  Child* command_ = nullptr;  // the one that run() waits for
};

}  // namespace notaus::demo
