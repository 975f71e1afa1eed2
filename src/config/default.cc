#include "config/config.h"

namespace notaus::config {

// Explanations begin "# "; what may be uncommented as it stands begins "#" and no single space. config_test.cc uncomments it all.
std::string commented_default() {
  return R"(# notaus.yaml: what Notaus may take for granted on this host. Nothing here stops or resumes anything; that is `notaus stop` and
# `notaus resume`. Keys of parts that this version does not have yet (flag stores, shared ledgers) are read and have no
# effect; `notaus doctor` names those that you use.

kill_switch:
  # Names of plain keys in a flag store that can only add stops: a key set there stops, its removal lifts nothing.
  global_flag: "agent_kill_global"
  per_tenant_flag_prefix: "agent_kill_tenant:"
  disabled_tools_key: "agent_disabled_tools"
  # What `notaus stop` means without --mode: disable_writes lets agents read on, stop_all lets them do nothing.
  mode_when_enabled: "disable_writes"
  # With a shared ledger: for how many seconds this host may go on without hearing from it. More than 0, at most 30.
  cache_ttl_s: 2

# What this host still allows when those seconds are over: disable_writes (reads go on) or stop_all.
on_fence: disable_writes

# How this host is called in answers and in the log. Left out: the machine's hostname.
#host: "web-1"
#fleet: "prod"

# Where stops are kept. sqlite: in this state directory, for this one machine, no server beside it.
ledger: "sqlite"

# What each tool does. A tool that is not named here writes, so `disable_writes` stops it. "prefix.*" names all that begin so; the
# longest match wins. These are proposals: after `notaus init`, what loosens waits for `notaus tools approve`.
#tools:
#  crm.find: read
#  "browser.*": read
#  email.send: write
#  # audit: before = no call without its record on disk first; clear = argument fields the log may show.
#  payments.refund: { effect: write, audit: before, clear: [order_id] }

# MCP servers behind Notaus: a command to start, or a URL, which agents reach at /mcp/NAME of `notaus up`. ${NAME} is taken from the environment when it is needed.
#servers:
#  mail: { command: ["npx", "-y", "some-mcp-server"], env: { TOKEN: "${MAIL_TOKEN}" } }
#  crm: { url: "https://crm.internal/mcp", headers: { Authorization: "Bearer ${CRM_TOKEN}" } }

# Tools behind plain HTTP, for `notaus up`: a request on this path is a call of that tool, and goes on to url + path. GET and HEAD read,
# everything else writes, unless effect: says otherwise. tool: none is a step of the run loop, such as a model's API: stop_all stops it.
# What stands in headers: the agent never sees. ${file:/PATH} is the first line of a file.
#routes:
#  - { path: "/v1/send", method: POST, tool: email.send, url: "http://127.0.0.1:9000" }
#  - { path: "/contacts/*", tool: crm.find, effect: read, url: "http://127.0.0.1:9001", headers: { X-Token: "${file:/run/secrets/crm}" } }
#  - { host: "api.openai.com", path: "/v1/*", tool: none, url: "https://api.openai.com" }

# Who is who at the gateway: the SHA-256 of the token an agent presents (printf %s TOKEN | sha256sum), or a name that its certificate gives
# it (tls: client_ca), and whose agent it is.
#agents:
#  - { token_sha256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", tenant: acme, agent: mailer }
#  - { certificate: "URI:spiffe://acme/crawler", tenant: acme, agent: crawler }

# Callers without either: deny, or the name of the tenant they belong to. Heeded on loopback only.
anonymous: default

# Two doors: agents come to the first, operators to the second.
# `hosts` are the names under which agents reach the first; localhost and addresses are in any case.
#listen: { gate: "127.0.0.1:8787", control: "127.0.0.1:8788", hosts: ["gate.internal"] }

# TLS, as PEM files: the gate's own certificate and key; client_ca, whose certificates agents must show (left out: none); upstream_ca, whom to believe
# about https upstreams (left out: whom this machine believes). An upstream's certificate is always checked.
#tls: { cert: "/etc/notaus/gate.pem", key: "/etc/notaus/gate.key", client_ca: "/etc/notaus/agents.pem", upstream_ca: "/etc/notaus/ca.pem" }

# How long records stay in the audit log, or how many bytes of the newest: 400d, 20GiB. Left out: for ever. `notaus up` removes what is older,
# once an hour, after a record of it; where it does not run, `notaus audit prune` does.
#audit: { keep: 400d }

# How many calls of one agent may be under way at once, for each core, so that one that reads its answers slowly leaves room for others.
# Heeded when `notaus up` starts.
#limits: { calls_per_agent: 512 }
)";
}

}  // namespace notaus::config
