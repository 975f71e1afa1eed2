// app/site.h: from flags, environment and configuration to the one place a command works on.
#pragma once

#include <sys/types.h>

#include <string>

#include "config/config.h"
#include "control/names.h"
#include "host/host.h"
#include "host/retention.h"

namespace notaus::app {

struct Common {
  std::string state, config;
};

struct Place {
  host::Site site;
  config::Config config;
  std::string config_path;     // empty: defaults
  std::string config_trouble;  // not empty: it could not be used, and `config` is the defaults
};

// Where the flags and the environment point, whether or not a state is there.
Result<Place> find_place(const Common& common);

// The same, for commands that never make a state. gone: none is there; the message names every place looked at.
Result<Place> existing_place(const Common& common);

// For `mcp`, `run` and `mcp install`: makes the state where there is none, and says so on stderr. broken: the configuration cannot be used;
// nothing was made.
Result<Place> made_place(const Common& common);

// Tools, agents and tenants the configuration speaks of.
control::Names names_in(const config::Config& config);

host::Retention retention_of(const config::Keep& keep);

// Keys in use that this version reads and does not act on: "tools: payments.refund: audit". Whoever wrote them relies on them.
std::vector<std::string> idle_keys(const config::Config& config);

// Who types this: the login user, also behind sudo; or whom it is done for.
std::string actor();

// Appends what of `tools:` tightens the catalogue; returns the names that would loosen it and wait for `notaus tools approve`.
std::vector<std::string> propose_tools(const Place& place);

}  // namespace notaus::app
