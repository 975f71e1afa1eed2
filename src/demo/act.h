// demo/act.h: the two acts of the demo, and what they share: the same cast, at the same pace.
#pragma once

#include "demo/demo.h"
#include "demo/facts.h"
#include "demo/stage.h"
#include "demo/voice.h"

namespace notaus::demo {

constexpr std::size_t kNoticed = 32;    // acme's mails until somebody sees what is going on
constexpr std::size_t kIncident = 117;  // and when it was over

struct Set {
  Stop stop;
  const Ends& ends;
  Voice& voice;
  std::string self;     // this program, by its path
  std::string name;     // and as PATH has it: calls are named after the command they go to
  std::string scratch;  // a directory of the demo's own
};

// Four processes of tenant acme and one of globex, each with a demo-mailer of its own behind `wrapper`, which may be empty.
using Wrapper = std::function<std::vector<std::string>(const std::string& tenant, const std::string& agent)>;
Result<> enter_cast(const Set& set, Stage& stage, const Wrapper& wrapper);

std::vector<SunkMail> acme_mails(Stage& stage);
Result<> until_acme_has_sent(Stage& stage, std::size_t mails);
double seconds_between(BootTime from, BootTime to);

Result<WithoutNotaus> act_without(const Set& set);
Result<WithNotaus> act_with(const Set& set);

}  // namespace notaus::demo
