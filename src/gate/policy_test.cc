#include "gate/policy.h"

#include <gtest/gtest.h>

namespace notaus::gate {
namespace {

std::string who(const Policy& policy, const std::string& lines, const net::Peer& peer = {.local = true}, Came came = Came::here) {
  net::Parser parser(net::Side::request);
  const std::string bytes = "GET / HTTP/1.1\r\n" + lines + "\r\n";
  EXPECT_TRUE(parser.take_head(bytes));
  auto asked = judge(policy, parser.head(), peer, came);
  if (!asked) return std::to_string(asked.error().status);
  std::string out = asked->caller.tenant + "/" + asked->caller.agent;
  for (std::string_view header : asked->credentials)
    if (!header.empty()) out.append(" by ").append(header);
  return out;
}

Policy policy() {
  Policy out{.routes = Routes({{.host = "api.openai.com", .path = "/v1/*"}}), .hosts = {"gate.internal"}};
  out.identities.add(sha256_hex("t1"), {"acme", "mailer"});
  out.identities.add(sha256_hex("t2"), {"globex", "mailer"});
  return out;
}

TEST(Policy, WhoAsks) {
  struct Case {
    std::string lines, expected;
  };
  for (const Case& one :
       {Case{"Host: localhost\r\nAuthorization: Bearer t1\r\n", "acme/mailer by Authorization"},
        {"Host: localhost\r\nx-api-key: t2\r\n", "globex/mailer by X-Api-Key"},
        {"Host: localhost\r\nAuthorization: Bearer t1\r\nX-Api-Key: t1\r\n", "acme/mailer by Authorization by X-Api-Key"},
        {"Host: localhost\r\nAuthorization: Bearer t1\r\nX-Api-Key: t2\r\n", "400"},
        {"Host: localhost\r\nAuthorization: Bearer t3\r\n", "401"},
        {"Host: localhost\r\nAuthorization: Basic t1\r\n", "401"},
        {"Host: localhost\r\nNotaus-Tenant: acme\r\n", "401"},
        {"Host: localhost\r\n", "401"}})
    EXPECT_EQ(who(policy(), one.lines), one.expected) << one.lines;
}

TEST(Policy, AnonymousCallersAreLocal) {
  Policy open = policy();
  open.anonymous = "default";
  EXPECT_EQ(who(open, "Host: localhost\r\n"), "default/");
  EXPECT_EQ(who(open, "Host: localhost\r\nAuthorization: Bearer someone-elses\r\n"), "default/");
  EXPECT_EQ(who(open, "Host: localhost\r\nAuthorization: Bearer t1\r\n"), "acme/mailer by Authorization");
  EXPECT_EQ(who(open, "Host: localhost\r\n", {}), "401");
  EXPECT_EQ(who(open, "Host: localhost\r\nAuthorization: Bearer t1\r\n", {}), "acme/mailer by Authorization");
}

TEST(Policy, WhoShowsACertificate) {
  Policy certified = policy();
  certified.identities.add_certified("URI:spiffe://acme/mailer", {"acme", "mailer"});
  certified.identities.add_certified("DNS:crawler.test", {"acme", "crawler"});
  const net::Peer mailer{.certified = {"DNS:some.test", "URI:spiffe://acme/mailer"}};
  const std::string host = "Host: localhost\r\n";
  EXPECT_EQ(who(certified, host, mailer), "acme/mailer");
  EXPECT_EQ(who(certified, host + "Authorization: Bearer someone-elses\r\n", mailer), "acme/mailer");
  EXPECT_EQ(who(certified, host + "Authorization: Bearer t1\r\n", mailer), "acme/mailer by Authorization");
  EXPECT_EQ(who(certified, host + "Authorization: Bearer t2\r\n", mailer), "400");
  EXPECT_EQ(who(certified, host, {.certified = {"URI:spiffe://acme/mailer", "DNS:crawler.test"}}), "400");
  EXPECT_EQ(who(certified, host, {.certified = {"URI:crawler.test", "DNS:spiffe://acme/mailer"}}), "401");
  EXPECT_EQ(who(certified, host, mailer, Came::proxied), "401");  // the certificate is the proxy's
  EXPECT_EQ(who(certified, host + "Authorization: Bearer t2\r\n", mailer, Came::proxied), "globex/mailer by Authorization");
}

TEST(Policy, HostsAndOrigins) {
  Policy open = policy();
  open.anonymous = "default";
  struct Case {
    std::string lines, expected;
  };
  for (const Case& one : {Case{"Host: 127.0.0.1:8787\r\n", "default/"},
                          {"Host: [::1]:8787\r\n", "default/"},
                          {"Host: Gate.Internal:8787\r\n", "default/"},
                          {"Host: api.openai.com\r\n", "default/"},
                          {"Host: evil.example\r\n", "403"},
                          {"Host: 127.0.0.1.evil.example\r\n", "403"},
                          {"Host: localhost.evil.example\r\n", "403"},
                          {"Host: localhost:1\r\nOrigin: http://localhost:1\r\n", "default/"},
                          {"Host: localhost:1\r\nOrigin: http://evil.example\r\n", "403"},
                          {"Host: localhost:1\r\nOrigin: http://localhost:2\r\n", "403"},
                          {"Host: localhost:1\r\nOrigin: null\r\n", "403"}})
    EXPECT_EQ(who(open, one.lines), one.expected) << one.lines;
}

}  // namespace
}  // namespace notaus::gate
