#include "gate/route.h"

#include <gtest/gtest.h>

namespace notaus::gate {
namespace {

Routes some() {
  return Routes({
      {.path = "/mail/*", .tool = "mail.any"},
      {.methods = {"POST"}, .path = "/mail/send", .tool = "mail.send"},
      {.methods = {"GET"}, .path = "/mail/send", .tool = "mail.status"},
      {.host = "api.openai.com", .path = "/v1/*"},
      {.path = "/crm", .tool = "crm.find", .effect = Effect::read},
  });
}

std::string match(std::string_view host, std::string_view method, std::string_view target) {
  const Routes routes = some();
  auto found = routes.match(host, method, target);
  if (!found) return "refused";
  if (*found == nullptr) return "none";
  return (*found)->tool.empty() ? "step" : (*found)->tool;
}

TEST(Route, TheLongestThatMatches) {
  struct Case {
    std::string_view host, method, target, expected;
  };
  const Case cases[] = {
      {"x", "POST", "/mail/send", "mail.send"},
      {"x", "POST", "/mail/send?to=a", "mail.send"},
      {"x", "GET", "/mail/send", "mail.status"},
      {"x", "PUT", "/mail/send", "mail.any"},
      {"x", "POST", "/mail/other", "mail.any"},
      {"x", "POST", "/mail/sendmore", "mail.any"},
      {"x", "POST", "/mail", "none"},
      {"api.openai.com", "POST", "/v1/chat/completions", "step"},
      {"x", "POST", "/v1/chat/completions", "none"},
      {"x", "GET", "/crm", "crm.find"},
      // A server that does not mind case or a last slash would run mail.send, which mail.any was asked about.
      {"x", "POST", "/mail/SEND", "refused"},
      {"x", "POST", "/Mail/send", "refused"},
      {"x", "POST", "/mail/send/", "refused"},
      {"x", "GET", "/CRM", "refused"},
      {"x", "GET", "/crm/", "refused"},
      {"x", "PUT", "/mail/other/", "mail.any"},
  };
  for (const Case& one : cases) EXPECT_EQ(match(one.host, one.method, one.target), one.expected) << one.method << " " << one.target;
}

TEST(Route, PathsThatServersReadDifferently) {
  for (std::string_view sound :
       {"/", "/mail/send", "/mail/send?x=../..", "/a%20b", "/a+b", "/a/", "/.well-known/x", "/a.b", "/a...b", "/@:!$&'()*,="})
    EXPECT_EQ(unsound_target(sound), "") << sound;
  for (std::string_view unsound : {"",
                                   "*",
                                   "http://x/mail/send",
                                   "mail",
                                   "/mail//send",
                                   "//mail",
                                   "/mail/./send",
                                   "/mail/../send",
                                   "/mail/..",
                                   "/.",
                                   "/mail%2Fsend",
                                   "/mail%2fsend",
                                   "/%6dail/send",
                                   "/mail/%2e%2e/send",
                                   "/mail%5csend",
                                   "/mail\\send",
                                   "/mail/send%00",
                                   "/mail/send%0a",
                                   "/mail/send%",
                                   "/mail/send%4",
                                   "/mail/send%zz",
                                   "/mail/send;x=1",
                                   "/mail/send#x",
                                   "/mail%252fsend",
                                   "/m\xc3\xa4il",
                                   "/mail?x=\xc3\xa4"})
    EXPECT_NE(unsound_target(unsound), "") << unsound;
}

TEST(Route, EffectFollowsTheMethodUnlessSaid) {
  EXPECT_EQ(effect_of({.path = "/"}, "GET"), Effect::read);
  EXPECT_EQ(effect_of({.path = "/"}, "HEAD"), Effect::read);
  EXPECT_EQ(effect_of({.path = "/"}, "POST"), Effect::write);
  EXPECT_EQ(effect_of({.path = "/"}, "get"), Effect::write);
  EXPECT_EQ(effect_of({.path = "/", .effect = Effect::read}, "POST"), Effect::read);
  EXPECT_EQ(effect_of({.path = "/", .effect = Effect::write}, "GET"), Effect::write);
}

TEST(Route, HostNames) {
  EXPECT_EQ(host_name("API.openai.com:443"), "api.openai.com");
  EXPECT_EQ(host_name("api.openai.com."), "api.openai.com");
  EXPECT_EQ(host_name("[::1]:8787"), "[::1]");
  EXPECT_EQ(host_name("[::1]"), "[::1]");
}

}  // namespace
}  // namespace notaus::gate
