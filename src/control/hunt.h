// control/hunt.h: processes of this machine that hold a live page, found in /proc: the points nobody told us about.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "page/state_dir.h"

namespace notaus::control {

struct Holder {
  int pid;
  std::string program;
  std::string state_dir;  // whose page it maps, as that process sees the path
};

struct Hunt {
  std::vector<Holder> silent;    // map a page at this state's path that is not the one there: no stop reaches them
  std::vector<Holder> elsewhere; // map another state's page
  bool complete = true;          // false: some processes are other users' and cannot be looked into
};

Hunt hunt(const page::StateDir& state);

// The states of `elsewhere`, each once.
std::set<std::string> other_states(const Hunt& found);

}  // namespace notaus::control
