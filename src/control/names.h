// control/names.h: every tenant, agent and tool this host has ever heard of, so that a stop for a misspelt one is not mistaken for a
// stop of the right one.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "core/state.h"
#include "page/scan.h"

namespace notaus::control {

struct Names {
  std::set<std::string> tenants, agents, tools;

  void add(const core::State& state);  // its catalogue; not its stops: a stop proves nothing about its target
  void add(const std::vector<page::SeenPoint>& points);  // who they are for, and what they have in flight
  void add(const std::vector<page::Entry>& calls);
  void add_log(const page::StateDir& state);  // STATE/log/names
  void add_spools(const page::StateDir& state);  // records on their way to the log

 private:
  void add_record(const std::string& json);
};

// One line for each given field of the selector that names nothing known, with the nearest names: "no tenant acne was ever seen;
// nearest: acme". Empty: all of it is known.
std::vector<std::string> unknown_fields(const core::Selector& selector, const Names& names);

// The names nearest to `name`, at most three, nearest first; all that share its beginning or differ by a few letters.
std::vector<std::string> nearest(const std::string& name, const std::set<std::string>& names);

}  // namespace notaus::control
