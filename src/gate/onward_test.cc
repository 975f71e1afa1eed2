#include "gate/onward.h"

#include <gtest/gtest.h>

namespace notaus::gate {
namespace {

std::string request_onward(const std::string& bytes, const Upstream& upstream, const Credentials& credentials, Onward onward = {}) {
  net::Parser parser(net::Side::request);
  EXPECT_TRUE(parser.take_head(bytes));
  std::string out;
  onward.target = parser.head().target;
  append_request(out, parser.head(), upstream, credentials, onward);
  return out;
}

Upstream upstream() { return {*net::parse_origin("http://crm.internal:81/base"), {{"Authorization", "Bearer ours"}}}; }

TEST(Onward, RequestLinesStayAsTheyCame) {
  EXPECT_EQ(request_onward("POST /v1/x?y=1 HTTP/1.1\r\nHost: gate\r\nX-Odd:   a  b \r\nX-API-Key: theirs\r\nContent-Length: 3\r\n"
                           "Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nUpgrade: h2c\r\nTE: trailers\r\n\r\n",
                           upstream(), {"", "x-api-key"}, {.length = 3}),
            "POST /base/v1/x?y=1 HTTP/1.1\r\nHost: crm.internal:81\r\nX-Odd:   a  b \r\nAuthorization: Bearer "
            "ours\r\nContent-Length: 3\r\n\r\n");
}

TEST(Onward, OnlyWeSpeakForUs) {
  EXPECT_EQ(request_onward("GET / HTTP/1.1\r\nHost: a\r\nauthorization: Bearer theirs\r\nNotaus-Tenant: acme\r\nX_NOTAUS_agent: "
                           "x\r\nnotaus_tenant: y\r\n\r\n",
                           upstream(), {}),
            "GET /base/ HTTP/1.1\r\nHost: crm.internal:81\r\nAuthorization: Bearer ours\r\n\r\n");
}

TEST(Onward, NoCredentialOfOursGoesOn) {
  const Upstream plain{*net::parse_origin("http://a"), {}};
  EXPECT_EQ(request_onward("GET / HTTP/1.1\r\nHost: a\r\nauthorization: Bearer t1\r\nX-Api-Key: t1\r\n\r\n", plain,
                           {"Authorization", "X-Api-Key"}),
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
}

TEST(Onward, TheFramingOfABodyIsOurs) {
  const std::string chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n";
  const Upstream plain{*net::parse_origin("http://a"), {}};
  EXPECT_EQ(request_onward(chunked, plain, {}, {.length = 7}), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\n");
  EXPECT_EQ(request_onward(chunked, plain, {}, {.whole = false}),
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(request_onward("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n", plain, {}, {.whole = false}),
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n");
}

TEST(Onward, RequestsThatMustNotPass) {
  struct Case {
    std::string lines;
    unsigned status;
  };
  for (const Case& one : {Case{"POST / HTTP/1.1\r\nHost: a\r\nX-Fine: b\r\n", 0},
                          {"POST / HTTP/1.0\r\n", 0},
                          {"POST / HTTP/1.1\r\n", 400},
                          {"POST / HTTP/1.1\r\nHost: a\r\nHost: a\r\n", 400},
                          {"GET / HTTP/1.1\r\nHost: a\r\nX-HTTP-Method-Override: POST\r\n", 400},
                          {"GET / HTTP/1.1\r\nHost: a\r\nX_Http_Method_Override: POST\r\n", 400},
                          {"GET / HTTP/1.1\r\nHost: a\r\nX-Original-URL: /mail/send\r\n", 400},
                          {"GET / HTTP/1.1\r\nHost: a\r\nConnection: Authorization\r\n", 400},
                          {"POST / HTTP/1.1\r\nHost: a\r\nContent_Length: 5\r\n", 400},
                          {"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer a\r\nauthorization: Bearer b\r\n", 400},
                          {"TRACE / HTTP/1.1\r\nHost: a\r\n", 405},
                          {"CONNECT / HTTP/1.1\r\nHost: a\r\n", 405}}) {
    net::Parser parser(net::Side::request);
    const std::string bytes = one.lines + "\r\n";
    ASSERT_TRUE(parser.take_head(bytes));
    EXPECT_EQ(unsound_request(parser.head()).status, one.status) << one.lines;
  }
}

TEST(Onward, ResponseLinesStayAsTheyCame) {
  struct Case {
    std::string request, response, expected;
    Keeps keeps = Keeps::open;
  };
  const std::string now = "GET / HTTP/1.1\r\nHost: a\r\n\r\n", old = "GET / HTTP/1.0\r\n\r\n";
  const std::string chunked = "HTTP/1.1 200 Fine\r\nTransfer-Encoding: chunked\r\nX-A:  b\r\nConnection: close\r\n\r\n";
  for (const Case& one : {Case{now, chunked, "HTTP/1.1 200 Fine\r\nTransfer-Encoding: chunked\r\nX-A:  b\r\n\r\n"},
                          {old, chunked, "HTTP/1.1 200 Fine\r\nX-A:  b\r\nConnection: close\r\n\r\n", Keeps::closes},
                          {now, "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n"}}) {
    net::Parser request(net::Side::request), response(net::Side::response);
    ASSERT_TRUE(request.take_head(one.request));
    ASSERT_TRUE(response.take_head(one.response));
    std::string out;
    append_response(out, response.head(), request.head(), one.keeps);
    EXPECT_EQ(out, one.expected);
  }
}

}  // namespace
}  // namespace notaus::gate
