// config/config.h: notaus.yaml as plain values.
//
// Refuses rather than guesses: an unknown key, a doubled key, a value out of range are Trouble that names file, line, column and
// what was probably meant, because a misspelt `on_fence` that is silently ignored is found on the worst day. Nothing is read from
// the environment here; `${NAME}` stays as written until expand().
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/yaml.h"
#include "core/state.h"

namespace notaus::config {

struct KillSwitch {  // the published block; its names are also the keys that hints are read from
  std::string global_flag = "agent_kill_global";
  std::string per_tenant_flag_prefix = "agent_kill_tenant:";
  core::Mode mode_when_enabled = core::Mode::disable_writes;
  std::string disabled_tools_key = "agent_disabled_tools";
  std::chrono::milliseconds cache_ttl{2000};  // T, the permit's length: more than 0, at most 30 s

  bool operator==(const KillSwitch&) const = default;
};

struct Tool {
  enum class Audit : std::uint8_t { after, before };  // before: recorded durably before the call may go

  Effect effect = Effect::write;
  Audit audit = Audit::after;
  std::vector<std::string> clear = {};  // argument fields that may stand in the log as they are

  bool operator==(const Tool&) const = default;
};

// An MCP upstream: a command to start, or a URL. Every text may hold ${NAME}.
struct Server {
  std::vector<std::string> command;
  std::map<std::string, std::string> env;
  std::string url;
  std::map<std::string, std::string> headers;

  bool operator==(const Server&) const = default;
};

// A plain HTTP tool: what comes in on this path is a call of that tool, and goes on to `url` + path.
struct Route {
  std::string host = {};                  // lower case; empty: any
  std::vector<std::string> methods = {};  // empty: any
  std::string path = {};                  // "/v1/send" or "/v1/*"
  std::optional<std::string> tool = {};   // always there; empty: `none`, a step of the run loop
  std::optional<Effect> effect = {};      // else GET and HEAD read
  std::string url = {};
  std::map<std::string, std::string> headers = {};  // the tool's credentials; may hold ${NAME}

  bool operator==(const Route&) const = default;
};

struct Agent {  // who presents this token or certificate is that agent of that tenant
  std::string token_sha256 = {};  // 64 lower-case hex digits; empty: by certificate
  std::string certificate = {};   // a subject alternative name, "URI:spiffe://acme/mailer"; empty: by token
  std::string tenant = {};
  std::string agent = {};  // empty: not told apart

  bool operator==(const Agent&) const = default;
};

struct Listen {
  std::string gate = "127.0.0.1:8787";     // for agents
  std::string control = "127.0.0.1:8788";  // for operators; agents never reach it
  std::vector<std::string> hosts = {};     // names under which agents reach the gate, beside its address and localhost

  bool operator==(const Listen&) const = default;
};

// PEM files.
struct TlsFiles {
  std::string cert, key;    // of the gate; empty: agents speak plain HTTP to it
  std::string client_ca;    // who must have signed an agent's certificate; empty: agents need none
  std::string upstream_ca;  // who must have signed those of https upstreams; empty: whom the system believes

  bool operator==(const TlsFiles&) const = default;
};

// How long records stay in the audit log, or how many of them: one of the two. Neither: for ever.
struct Keep {
  std::string text;              // as it was written
  std::chrono::seconds age{0};   // 90d
  std::uint64_t bytes = 0;       // 20GiB, of the newest

  bool operator==(const Keep&) const = default;
};

struct Audit {
  Keep keep;

  bool operator==(const Audit&) const = default;
};

struct Limits {
  std::size_t calls_per_agent = 512;  // under way at once, for each core

  bool operator==(const Limits&) const = default;
};

struct Config {
  KillSwitch kill_switch;
  std::string host;  // empty: the machine's hostname
  std::string ledger = "sqlite";
  core::OnFence on_fence = core::OnFence::disable_writes;
  std::string fleet;
  std::map<std::string, Tool> tools;  // tool or "prefix.*"
  std::map<std::string, Server> servers;
  std::vector<Route> routes;
  std::vector<Agent> agents;
  std::optional<std::string> anonymous;  // the tenant of callers without a credential; none: they are denied
  Listen listen;
  TlsFiles tls;
  Audit audit;
  Limits limits;
};

// Gone, refused or broken if the file cannot be read; refused or unsupported, with "PATH:LINE:COLUMN: ", if it cannot be used.
Result<Config> load(const std::string& path);

// The same from memory; `name` stands in messages where the path would.
Result<Config> parse(std::string_view text, std::string_view name);

// The notaus.yaml of a new state: every key with what it is for. It parses, to the defaults but for `anonymous: default`.
std::string commented_default();

// "90s", "10m", "2h", "400d", or "64MiB", "20GiB", "1TiB". Nothing: it is none of these.
std::optional<Keep> parse_keep(std::string_view text);

// What the file says of tools, in `tools:` and, where that is silent, in `routes:`. Proposals: the catalogue decides.
std::map<std::string, Effect> proposed_effects(const Config& config);

// Puts the environment's values for ${NAME}, and the first line of a file for ${file:/PATH}; `$${` gives a plain "${". Gone: NAME is not
// set, the file cannot be read. Refused: a `${` without a name or end.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;
Result<std::string> expand(std::string_view text, const Environment& environment);
Environment process_environment();

// Every key the parser knows, as paths: "kill_switch.cache_ttl_s", "servers.*.url", "agents[].tenant". docs/notaus.schema.json is
// compared with it.
std::vector<std::string> known_keys();

}  // namespace notaus::config
