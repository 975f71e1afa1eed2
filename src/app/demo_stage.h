// app/demo_stage.h: one act's processes and its mail server, and the one place where the demo waits: for a condition, never for time.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "app/demo_child.h"
#include "app/demo_sink.h"
#include "base/clock.h"

namespace notaus::app {

// What ends the demo early, whatever it waits for.
struct DemoEnds {
  BootTime deadline;
  Fd signals;  // a signalfd; an interrupt is Kind::refused
};
DemoEnds demo_ends(int seconds);

struct Deeds {  // as the agent saw them answered
  std::uint64_t reads = 0, sent = 0, denied = 0, failed = 0;
  std::string denial = {};  // the last one's first line
};

struct Answer {
  int exit;
  BootTime asked, ended;  // around the whole process
  std::string text;  // stdout and stderr as they came
};

class DemoStage {
 public:
  static Result<std::unique_ptr<DemoStage>> open(const DemoEnds& ends);
  ~DemoStage();  // ends every process of the act

  [[nodiscard]] DemoSink& sink() { return *sink_; }
  Result<> enter(const std::string& tenant, std::vector<std::string> argv);
  Result<> until(const std::string& what, const std::function<bool()>& done);
  Result<Answer> run(std::vector<std::string> argv);  // meanwhile the others go on
  [[nodiscard]] Deeds deeds(const std::string& tenant) const;

 private:
  struct Actor {
    std::string tenant;
    DemoChild process;
    Deeds deeds = {};
    std::string last_words = {};  // of its stderr
  };

  DemoStage(const DemoEnds& ends, std::unique_ptr<DemoSink> sink) : ends_(ends), sink_(std::move(sink)) {}
  Result<> look_once(const std::string& what);
  Result<> hear(Actor& actor);

  const DemoEnds& ends_;
  std::unique_ptr<DemoSink> sink_;
  std::vector<Actor> actors_;
  DemoChild* command_ = nullptr;  // the one that run() waits for
};

}  // namespace notaus::app
