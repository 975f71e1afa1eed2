#include "gate/authz.h"

#include <gtest/gtest.h>

namespace notaus::gate {
namespace {

std::string wanted(const std::string& line, const std::string& fields) {
  const Routes routes({{.path = "/mail/send", .tool = "mail.send"}, {.path = "/v1/*"}, {.path = "/crm/*", .tool = "crm.find"}});
  net::Parser parser(net::Side::request);
  const std::string bytes = line + " HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n";
  EXPECT_TRUE(parser.take_head(bytes));
  auto out = wanted_of(parser.head(), routes);
  if (!out) return std::to_string(out.error().status);
  return (out->tool.empty() ? "step" : out->tool) + (out->effect == Effect::read ? " read" : " write");
}

TEST(Authz, WhatAProxyAsksAbout) {
  const std::string nginx = "X-Original-Method: POST\r\nX-Original-URI: /mail/send?a=b\r\n";
  const std::string caddy = "X-Forwarded-Method: GET\r\nX-Forwarded-Uri: /crm/x\r\n";
  struct Case {
    std::string line, fields, expected;
  };
  for (const Case& one : {Case{"GET /v1/authz", nginx, "mail.send write"},
                          {"GET /v1/authz", caddy, "crm.find read"},
                          {"GET /v1/authz", "X-Forwarded-Method: POST\r\nX-Forwarded-Uri: /v1/messages\r\n", "step read"},
                          {"POST /v1/authz/mail/send?a=b", "", "mail.send write"},
                          {"GET /v1/authz/crm/x", "X-Original-URI: /mail/send\r\n", "crm.find read"},
                          {"GET /v1/authz?tool=pay", "", "pay write"},
                          {"GET /v1/authz?tool=pay%2Erefund&effect=read", "", "pay.refund read"},
                          {"GET /v1/authz?tool=pay&method=GET", "", "pay read"},
                          {"GET /v1/authz?tool=pay&method=POST", "X-Forwarded-Method: GET\r\n", "pay write"},
                          {"GET /v1/authz?tool=none", "", "step read"},
                          // An agent's own words beside the proxy's, or in place of them.
                          {"GET /v1/authz", nginx + caddy, "403"},
                          {"GET /v1/authz", nginx + "X-Forwarded-Method: GET\r\n", "403"},
                          {"GET /v1/authz", nginx + "X-Original-URI: /crm/x\r\n", "403"},
                          {"GET /v1/authz", "X-Original-URI: /crm/x\r\n", "403"},
                          {"GET /v1/authz", "", "403"},
                          {"GET /v1/authz?tool=a&tool=b", "", "403"},
                          {"GET /v1/authz?tool=", "", "403"},
                          {"GET /v1/authz?tool=%zz", "", "403"},
                          {"POST /v1/authz/mail/SEND", "", "403"},
                          {"POST /v1/authz/mail/%73end", "", "403"},
                          {"POST /v1/authz/nowhere", "", "403"}})
    EXPECT_EQ(wanted(one.line, one.fields), one.expected) << one.line << "\n" << one.fields;
}

TEST(Authz, ItsPathAlone) {
  for (std::string_view target : {"/v1/authz", "/v1/authz?tool=a", "/v1/authz/mail/send"})
    EXPECT_TRUE(asks_authz(target)) << target;
  for (std::string_view target : {"/v1/authzx", "/v1/auth", "/V1/authz", "/"}) EXPECT_FALSE(asks_authz(target)) << target;
}

}  // namespace
}  // namespace notaus::gate
