#include "control/rights.h"

#include <gtest/gtest.h>

#include <vector>

namespace notaus::control {
namespace {

TEST(Rights, TighteningIsForAllAndLooseningForTheOwner) {
  constexpr uid_t kOwner = 100, kMember = 200, kRoot = 0;
  struct Case {
    std::vector<std::string> words;
    bool member, owner;
  };
  const Case cases[] = {
      {{"stop", "--global"}, true, true},
      {{"stop", "--tenant", "acme", "--mode", "stop_all"}, true, true},
      {{"status", "--json"}, true, true},
      {{"note", "k3j2", "--reason", "x"}, true, true},
      {{"drain"}, true, true},
      {{"resume", "k3j2", "--reason", "x"}, false, true},
      {{"config", "reload"}, false, true},
      // of another state, or what nobody does for others
      {{"stop", "--global", "--state", "/elsewhere"}, false, false},
      {{"stop", "--global", "--state=/elsewhere"}, false, false},
      {{"stop", "--config", "/mine.yaml", "--global"}, false, false},
      {{"status", "--watch"}, false, false},
      {{"tools", "approve", "crm.find=read"}, false, false},
      {{"init"}, false, false},
      {{"run", "--", "sh"}, false, false},
      {{"config", "check"}, false, false},
      {{"--state", "/elsewhere", "stop"}, false, false},
      {{}, false, false},
  };
  for (const Case& one : cases) {
    const std::string first = one.words.empty() ? "" : one.words[0];
    EXPECT_EQ(may(act_of(one.words), kMember, kOwner), one.member) << first;
    EXPECT_EQ(may(act_of(one.words), kOwner, kOwner), one.owner) << first;
    EXPECT_EQ(may(act_of(one.words), kRoot, kOwner), one.owner) << first;
  }
}

}  // namespace
}  // namespace notaus::control
