#include "config/config.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <random>
#include <sstream>

namespace notaus::config {
namespace {

constexpr std::string_view kPublished = R"(kill_switch:
  global_flag: "agent_kill_global"
  per_tenant_flag_prefix: "agent_kill_tenant:"
  mode_when_enabled: "disable_writes"
  disabled_tools_key: "agent_disabled_tools"
  cache_ttl_s: 2
)";

// DESIGN's whole example, its placeholders filled in.
constexpr std::string_view kWhole = R"(kill_switch:                       # this block is published; it must load unchanged
  global_flag: "agent_kill_global"
  per_tenant_flag_prefix: "agent_kill_tenant:"
  mode_when_enabled: "disable_writes"
  disabled_tools_key: "agent_disabled_tools"
  cache_ttl_s: 2                   # T: the permit's length; 0 < T <= 30
host: "web-1"
ledger: "sqlite"
on_fence: disable_writes           # or stop_all
fleet: "prod"
tools:
  email.send: write
  crm.find: read
  "browser.*": write
  pay: { effect: write, audit: before, clear: [order, amount] }
servers:                           # MCP upstreams
  mail: { command: ["npx", "-y", "some-mcp-server"], env: { TOKEN: "${MAIL_TOKEN}" } }
  crm:  { url: "https://crm.internal/mcp", headers: { Authorization: "Bearer ${CRM_TOKEN}" } }
routes: []
agents:
  - { token_sha256: "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855", tenant: acme, agent: mailer }
anonymous: deny
listen: { gate: "127.0.0.1:8787", control: "127.0.0.1:8788" }
)";

TEST(Config, ThePublishedBlockAloneIsWholeAndMeansTheDefaults) {
  auto config = parse(kPublished, "notaus.yaml");
  ASSERT_TRUE(config) << config.error().what;
  EXPECT_EQ(config->kill_switch, KillSwitch{});
  EXPECT_EQ(config->kill_switch.cache_ttl, std::chrono::seconds(2));
  EXPECT_EQ(config->ledger, "sqlite");
  EXPECT_EQ(config->anonymous, std::nullopt);
}

TEST(Config, ReadsEveryKeyOfTheExample) {
  auto config = parse(kWhole, "notaus.yaml");
  ASSERT_TRUE(config) << config.error().what;
  EXPECT_EQ(config->host, "web-1");
  EXPECT_EQ(config->fleet, "prod");
  EXPECT_EQ(config->on_fence, core::OnFence::disable_writes);
  EXPECT_EQ(config->tools.at("crm.find"), Tool{Effect::read});
  EXPECT_EQ(config->tools.at("browser.*"), Tool{Effect::write});
  EXPECT_EQ(config->tools.at("pay"), (Tool{Effect::write, Tool::Audit::before, {"order", "amount"}}));
  EXPECT_EQ(config->servers.at("mail"), (Server{{"npx", "-y", "some-mcp-server"}, {{"TOKEN", "${MAIL_TOKEN}"}}, "", {}}));
  EXPECT_EQ(config->servers.at("crm").headers.at("Authorization"), "Bearer ${CRM_TOKEN}");
  EXPECT_EQ(config->agents.at(0), (Agent{.token_sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                                         .tenant = "acme",
                                         .agent = "mailer"}));
  EXPECT_EQ(config->anonymous, std::nullopt);
  EXPECT_EQ(config->listen, Listen{});
}

TEST(Config, AnEmptyFileMeansTheDefaults) {
  for (const char* text : {"", "# nothing\n", "---\n", "\n\n"}) EXPECT_TRUE(parse(text, "c")) << text;
}

TEST(Config, RefusesAndSaysWhereAndWhatWasMeant) {
  struct Row {
    const char* text;
    const char* says;
  };
  const Row table[] = {
      // what a user may write                     what he reads
      {"on_fense: stop_all", "c:1:1: unknown key `on_fense`; did you mean `on_fence`?"},
      {"\nkill_switch:\n  cache_ttl: 2", "c:3:3: unknown key `cache_ttl`; did you mean `cache_ttl_s`?"},
      {"listen: { gaet: x }", "c:1:11: unknown key `gaet`; did you mean `gate`?"},
      {"zzzzzzzzzz: 1",
       "c:1:1: unknown key `zzzzzzzzzz`; there are kill_switch, host, ledger, on_fence, fleet, tools, servers, "
       "routes, agents, anonymous, listen"},
      {"host: a\nfleet: b\nhost: c", "c:3:1: key `host` stands twice, first in line 1"},
      {"tools: { a: read, a: write }", "c:1:19: key `a` stands twice, first in line 1"},
      {"kill_switch: { cache_ttl_s: 0 }",
       "c:1:29: cache_ttl_s: 0 is out of range: more than 0 and at most 30 seconds, because a stop may take "
       "this long to be certain"},
      {"kill_switch: { cache_ttl_s: 30.5 }", "c:1:29: cache_ttl_s: 30.5 is out of range"},
      {"kill_switch: { cache_ttl_s: -1 }", "c:1:29: cache_ttl_s: -1 is out of range"},
      {"kill_switch: { cache_ttl_s: nan }", "c:1:29: cache_ttl_s: nan is out of range"},
      {"kill_switch: { cache_ttl_s: 1e999 }", "c:1:29: cache_ttl_s: 1e999 is out of range"},
      {"kill_switch: { cache_ttl_s: \"2\" }", "c:1:29: a number of seconds is wanted here, such as 2 or 0.5"},
      {"kill_switch: { cache_ttl_s: 2s }", "c:1:29: a number of seconds is wanted here"},
      {"kill_switch: { mode_when_enabled: disable_tool }",
       "c:1:35: `disable_tool` is none of the values known here: disable_writes or stop_all"},
      {"kill_switch: { global_flag: \"\" }", "c:1:29: a flag's name is empty"},
      {"kill_switch: yes", "c:1:14: a map is wanted here, not a text"},
      {"kill_switch:", "a map is wanted here, not nothing"},
      {"[a]", "c:1:1: a map is wanted here, not a list"},
      {"on_fence: [stop_all]", "c:1:11: disable_writes or stop_all is wanted here, not a list"},
      {"ledger: oracle://h", "c:1:9: `oracle` is no ledger; there is sqlite"},
      {"tools: { a: delete }", "c:1:13: `delete` is none of the values known here: read or write"},
      {"tools: { a: { efect: read } }", "c:1:15: unknown key `efect`; did you mean `effect`?"},
      {"tools: { \"\": read }", "c:1:10: a tool is empty"},
      {"tools: { \"*\": read }", "c:1:10: *: a `*` stands for nothing but the rest of \"prefix.*\"; name each tool or prefix"},
      {"tools: { \"mail*\": read }", "c:1:10: mail*: a `*` stands for nothing but the rest of \"prefix.*\""},
      {"servers: { s: { env: { A: b } } }", "c:1:15: a server has either a `command` or a `url`"},
      {"servers: { s: { command: [a], url: http://b } }", "c:1:15: a server has either a `command` or a `url`"},
      {"servers: { s: { command: a b } }", "c:1:26: a list is wanted here, not a text"},
      {"servers: { s: { url: ftp://b } }", "c:1:15: the `url` begins neither with http:// nor with https://"},
      {"servers: { s: { command: [a], headers: { A: b } } }", "c:1:15: `headers` go with `url`"},
      {"servers: { s: { command: [a], env: { A: \"${B\" } } }", "c:1:41: `${` without its `}`"},
      {"servers: { s: { url: http://b, headers: { A: \"b\\r\\nC: d\" } } }", "c:1:46: a header is one line"},
      {"agents: [ { token_sha256: abc, tenant: a } ]", "c:1:27: a SHA-256 is 64 hex digits"},
      {"agents: [ { tenant: a } ]", "c:1:11: an agent has either a `token_sha256` or a `certificate`"},
      {"agents: [ { certificate: \"mailer\", tenant: a } ]", "c:1:26: a name of a certificate is URI:…, DNS:… or email:…"},
      {"agents: [ { certificate: \"DNS:\", tenant: a } ]", "c:1:26: a name of a certificate is URI:…, DNS:… or email:…"},
      {"agents: [ { certificate: \"CN:a\", tenant: a } ]", "c:1:26: a name of a certificate is URI:…, DNS:… or email:…"},
      {"agents: [ { certificate: \"DNS:a b\", tenant: a } ]", "c:1:26: a name of a certificate is URI:…, DNS:… or email:…"},
      {"agents: [ { certificate: \"DNS:a\", tenant: a } ]", "c:1:9: `certificate` wants `tls: client_ca`"},
      {"routes: {}", "c:1:9: a list is wanted here, not a map"},
      {"routes: [ { tool: a, url: http://b } ]", "c:1:11: this route has no `path`"},
      {"routes: [ { path: /a, url: http://b } ]", "c:1:11: this route has no `tool`; `tool: none` is a step of the run loop"},
      {"routes: [ { path: /a, tool: b } ]", "c:1:11: this route has no `url`"},
      {"routes: [ { path: a, tool: b, url: http://b } ]", "c:1:19: `a` is no path of a route; there are /v1/send and /v1/*"},
      {"routes: [ { path: \"/a*\", tool: b, url: http://b } ]", "c:1:19: `/a*` is no path of a route"},
      {"routes: [ { path: /%61, tool: b, url: http://b } ]", "c:1:19: `/%61` is no path of a route"},
      {"routes: [ { path: /a, tool: \"b.*\", url: http://b } ]", "c:1:29: a route leads to one tool"},
      {"routes: [ { path: /a, tool: b, url: b } ]", "c:1:37: the `url` begins neither with http:// nor with https://"},
      {"routes: [ { path: /a, tool: none, effect: read, url: http://b } ]", "c:1:11: `tool: none` has no effect"},
      {"routes: [ { path: /a, tool: b, url: http://b, method: get } ]", "c:1:55: `get` is no method"},
      {"routes: [ { path: /a, tool: b, url: http://b, headers: { \"a b\": c } } ]", "c:1:58: a header's name has letters"},
      {"routes: [ { host: \"a:80\", path: /a, tool: b, url: http://b } ]", "c:1:19: a host's name is wanted here"},
      {"listen: { hosts: [\"http://a\"] }", "c:1:19: a host's name is wanted here"},
      {"listen: { gate: 8787 }", "c:1:17: `8787` is no address"},
      {"listen: { gate: \"h:70000\" }", "c:1:17: `h:70000` is no address"},
      {"listen: { gate: \"::1:80\" }", "c:1:17: `::1:80` is no address"},
      {"listen: { gate: \"127.0.0.1:8788\" }", "c:1:9: `gate` and `control` have one address"},
      {"tls: { cert: /a }", "c:1:6: `cert` and `key` go together"},
      {"tls: { cert: a, key: /a }", "c:1:14: the path of a PEM file is wanted here, from / on"},
      {"limits: { calls_per_agent: 0 }", "c:1:28: `0` is no number of calls"},
      {"tls: { client_ca: /a }", "c:1:6: `client_ca` goes with `cert` and `key`"},
      {"audit: 90d", "c:1:8: a map is wanted here"},
      {"audit: { kept: 90d }", "c:1:10: unknown key `kept`; did you mean `keep`?"},
      {"audit: { keep: 90 }", "c:1:16: how long or how much is wanted here, such as 90d or 20GiB"},
      {"audit: { keep: -1d }", "c:1:16: how long or how much"},
      {"audit: { keep: 20GB }", "c:1:16: how long or how much"},
      {"audit: { keep: 23h }", "c:1:16: a day, or 16MiB, is the least"},
      {"audit: { keep: 0d }", "c:1:16: a day, or 16MiB, is the least"},
      {"audit: { keep: 15MiB }", "c:1:16: a day, or 16MiB, is the least"},
      {"audit: { keep: 9999999999999999999999d }", "c:1:16: how long or how much"},
      {"host: a\n---\nhost: b", "c:3:1: a second document"},
      {"a: &x [1]\nb: *x", "c:2:4: aliases (*name) are not read here"},
      {"host: !!str a", "c:1:7: tags ("},
      {"? [a, b]\n: c", "c:1:3: a key must be plain text"},
      {"host: \"a\n", "c:"},
      {"host: a\n\tfleet: b", "c:"},
      {"host: \"caf\xff\"", "c:1:11: not valid UTF-8"},
      {"host: a\x01", "c:1:8: control character 0x01"},
      {"\xff\xfeh\0o\0", "c:1:1: not valid UTF-8"},
  };
  for (const auto& [text, says] : table) {
    auto config = parse(text, "c");
    ASSERT_FALSE(config) << text;
    EXPECT_TRUE(config.error().what.starts_with(says) || config.error().what.ends_with(says))
        << text << "\n  " << config.error().what;
    EXPECT_EQ(config.error().kind, Kind::refused) << text;
  }
}

TEST(Config, TheSameTokenCannotBeTwoAgents) {
  std::string token(64, 'a');
  auto config = parse("agents:\n - {token_sha256: " + token + ", tenant: a}\n - {token_sha256: " + token + ", tenant: b}\n", "c");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().what, "c:3:4: the same token stands in line 2: it cannot be two agents");
}

TEST(Config, AnAgentIsKnownByANameOfItsCertificate) {
  const std::string tls = "tls: {cert: /a, key: /b, client_ca: /c}\n";
  auto config = parse(tls +
                          "agents: [ { certificate: \"DNS:Mailer.Acme.test\", tenant: acme }, { certificate: "
                          "\"URI:spiffe://acme/B\", tenant: b } ]",
                      "c");
  ASSERT_TRUE(config) << config.error().what;
  EXPECT_EQ(config->agents.at(0), (Agent{.certificate = "DNS:mailer.acme.test", .tenant = "acme"}));
  EXPECT_EQ(config->agents.at(1), (Agent{.certificate = "URI:spiffe://acme/B", .tenant = "b"}));
  config = parse(tls + "agents:\n - {certificate: \"DNS:a\", tenant: a}\n - {certificate: \"DNS:A\", tenant: b}\n", "c");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().what, "c:4:4: the same name of a certificate stands in line 3: it cannot be two agents");
}

TEST(Config, KnowsWhatItCannotDoYet) {
  const std::pair<const char*, const char*> table[] = {
      {"ledger: \"postgres://u:secret@h/db\"", "c:1:9: a postgres:// ledger is not in this build yet; use sqlite"},
      {"ledger: etcd://h1:2379,h2:2379", "c:1:9: a etcd:// ledger is not in this build yet; use sqlite"},
      {"ledger: rediss://h", "c:1:9: a rediss:// ledger is not in this build yet; use sqlite"},
      {"host: a\nauth: {}", "c:2:1: `auth` is a reserved key that this build does not know yet; remove it"},
      {"tripwires: []", "c:1:1: `tripwires` is a reserved key that this build does not know yet; remove it"},
  };
  for (const auto& [text, says] : table) {
    auto config = parse(text, "c");
    ASSERT_FALSE(config) << text;
    EXPECT_EQ(config.error().what, says);
    EXPECT_EQ(config.error().kind, Kind::unsupported);
  }
}

TEST(Config, NoSecretStandsInAMessage) {
  for (const char* text : {"ledger: postgres://u:hunter2@h", "ledger: oracle://u:hunter2@h", "servers: { s: { url: \"hunter2\" } }",
                           "agents: [ { token_sha256: hunter2, tenant: a } ]"}) {
    auto config = parse(text, "c");
    ASSERT_FALSE(config) << text;
    EXPECT_EQ(config.error().what.find("hunter2"), std::string::npos) << config.error().what;
  }
}

TEST(Config, LargeAndDeepFilesAreRefusedQuickly) {
  EXPECT_FALSE(parse(std::string(kMostBytes + 1, '#'), "c"));
  EXPECT_FALSE(parse("routes: " + std::string(100'000, '['), "c"));
  EXPECT_FALSE(parse("routes: " + std::string(100'000, '{'), "c"));
  std::string deep = "routes:\n";
  for (std::size_t i = 0; i < 1000; ++i) deep += std::string(i, ' ') + "-\n";
  EXPECT_FALSE(parse(deep, "c"));
  std::string bomb = "a: &a [x,x]\n";
  for (char c = 'b'; c < 'z'; ++c) bomb += fmt::format("{0}: &{0} [*{1},*{1},*{1}]\n", c, static_cast<char>(c - 1));
  EXPECT_FALSE(parse(bomb, "c"));
}

TEST(Config, DamagedFilesAreAnswersNeverCrashes) {
  std::mt19937 random(7);
  for (int round = 0; round < 3000; ++round) {
    std::string text(kWhole);
    for (int n = 0; n < 3; ++n) {
      auto where = random() % text.size();
      switch (random() % 3) {
        case 0: text[where] = static_cast<char>(random() % 256); break;
        case 1: text.erase(where, random() % 8); break;
        default: text.insert(where, 1, "[]{}:,&*!|>'\"%@`#-? \n\t"[random() % 22]);
      }
    }
    if (auto config = parse(text, "c"); !config) {
      EXPECT_TRUE(config.error().what.starts_with("c:")) << config.error().what;
    }
  }
}

TEST(Config, TheDefaultFileTeachesAndEachOfItsExamplesWorks) {
  std::string text = commented_default();
  auto config = parse(text, "default");
  ASSERT_TRUE(config) << config.error().what;
  EXPECT_EQ(config->kill_switch, KillSwitch{});
  EXPECT_EQ(config->anonymous, "default");
  EXPECT_TRUE(config->tools.empty());  // `init` approves what it finds: a default must loosen nothing

  std::string open;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    auto words = line.find_first_not_of("# ");
    bool example = line.starts_with('#') && words != 2;
    open += (example ? line.substr(1) : line) + "\n";
  }
  config = parse(open, "default, uncommented");
  ASSERT_TRUE(config) << config.error().what << "\n" << open;
  EXPECT_EQ(config->tools.at("payments.refund").audit, Tool::Audit::before);
  EXPECT_EQ(config->agents.size(), 2u);
  EXPECT_EQ(config->servers.size(), 2u);
  EXPECT_EQ(config->routes.size(), 3u);
  for (const std::string& key : known_keys())
    EXPECT_TRUE(text.find(key.substr(key.find_last_of('.') + 1) + ":") != std::string::npos) << key;
}

TEST(Config, ExpandPutsVariablesInAndNamesTheMissing) {
  Environment environment = [](const std::string& name) -> std::optional<std::string> {
    if (name == "A") return "x$";
    if (name == "B_2") return "{y}";
    return std::nullopt;
  };
  EXPECT_EQ(expand("", environment), "");
  EXPECT_EQ(expand("$5 {A} $A", environment), "$5 {A} $A");
  EXPECT_EQ(expand("Bearer ${A}${B_2}!", environment), "Bearer x${y}!");  // a value is never expanded again
  EXPECT_EQ(expand("$${A}", environment), "${A}");
  EXPECT_EQ(expand("${C}", environment).error().what, "the environment variable C is not set");
  EXPECT_EQ(expand("${C}", environment).error().kind, Kind::gone);
  EXPECT_EQ(expand("${A", environment).error().kind, Kind::refused);
  EXPECT_EQ(expand("${}", environment).error().kind, Kind::refused);
  EXPECT_EQ(expand("${A B}", environment).error().kind, Kind::refused);
}

TEST(Config, RoutesSayWhichToolAPathIs) {
  auto config = parse(R"(routes:
  - { path: "/v1/send", method: POST, tool: email.send, url: "http://127.0.0.1:9000" }
  - { host: API.openai.com, path: "/v1/*", method: [GET, POST], tool: none, url: "https://api.openai.com" }
)",
                      "c");
  ASSERT_TRUE(config) << config.error().what;
  EXPECT_EQ(config->routes.at(0),
            (Route{.methods = {"POST"}, .path = "/v1/send", .tool = "email.send", .url = "http://127.0.0.1:9000"}));
  EXPECT_EQ(
      config->routes.at(1),
      (Route{.host = "api.openai.com", .methods = {"GET", "POST"}, .path = "/v1/*", .tool = "", .url = "https://api.openai.com"}));
}

TEST(Config, WhatToolsLeaveUnsaidRoutesPropose) {
  auto config = parse(R"(tools: { "mail.*": write, pay: write }
routes:
  - { path: /a, tool: crm.find, effect: read, url: "http://a" }
  - { path: /b, tool: crm.contact, method: POST, url: "http://a" }
  - { path: /b, tool: crm.contact, method: GET, url: "http://a" }
  - { path: /c, tool: pay, effect: read, url: "http://a" }
  - { path: /d, tool: mail.status, method: GET, url: "http://a" }
  - { path: /e, tool: send, method: POST, url: "http://a" }
  - { path: /f, tool: none, url: "http://a" }
)",
                      "c");
  ASSERT_TRUE(config) << config.error().what;
  EXPECT_EQ(proposed_effects(*config), (std::map<std::string, Effect>{{"mail.*", Effect::write},
                                                                      {"pay", Effect::write},
                                                                      {"crm.find", Effect::read},
                                                                      {"crm.contact", Effect::read},
                                                                      {"send", Effect::write}}));
}

TEST(Config, ExpandReadsAFilesFirstLine) {
  const std::string path = testing::TempDir() + "notaus_config_test.secret";
  std::ofstream(path) << "s3cret\nmore\n";
  EXPECT_EQ(expand("Bearer ${file:" + path + "}", process_environment()), "Bearer s3cret");
  std::remove(path.c_str());
  EXPECT_EQ(expand("${file:" + path + "}", process_environment()).error().what, path + ": cannot be read");
  EXPECT_EQ(expand("${file:relative}", process_environment()).error().kind, Kind::refused);
}

TEST(Config, LoadNamesTheFile) {
  EXPECT_EQ(load("/nowhere/notaus.yaml").error().kind, Kind::gone);
  std::string path = testing::TempDir() + "notaus_config_test.yaml";
  std::ofstream(path) << "host: a\nhots: b\n";
  EXPECT_EQ(load(path).error().what, path + ":2:1: unknown key `hots`; did you mean `host`?");
  std::ofstream(path) << kPublished;
  EXPECT_TRUE(load(path));
  EXPECT_FALSE(load(testing::TempDir()));
  std::remove(path.c_str());
}

}  // namespace
}  // namespace notaus::config
