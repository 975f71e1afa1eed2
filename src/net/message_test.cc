#include "net/message.h"

#include <gtest/gtest.h>

namespace notaus::net {
namespace {

constexpr std::string_view kHost = "Host: a\r\n";

// "GET /x", or "431: why".
std::string read_request(const std::string& bytes, std::string* body = nullptr) {
  Parser parser(Side::request);
  auto taken = parser.take_head(bytes);
  if (!taken) return std::to_string(taken.error().status) + ": " + std::string(taken.error().why);
  if (*taken == 0) return "more";
  std::string carried;
  auto rest = parser.take_body(std::string_view(bytes).substr(*taken), &carried);
  if (!rest) return std::to_string(rest.error().status) + ": " + std::string(rest.error().why);
  if (body != nullptr) *body = carried;
  return std::string(parser.head().method) + " " + std::string(parser.head().target) + (parser.done() ? "" : " unfinished");
}

TEST(Message, WhatIsSound) {
  struct Case {
    std::string bytes, expected, body;
  };
  const Case cases[] = {
      {"GET /x HTTP/1.1\r\nHost: a\r\n\r\n", "GET /x", ""},
      {"GET /x HTTP/1.0\r\n\r\n", "GET /x", ""},
      {"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", "POST /x", "abc"},
      {"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nab", "POST /x unfinished", "ab"},
      {"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", "POST /x", "abc"},
      {"POST /x HTTP/1.1\r\nHost: a\r\ntransfer-encoding:\tCHUNKED \r\n\r\nA\r\n0123456789\r\n0\r\n\r\n", "POST /x", "0123456789"},
      {"GET /x HTTP/1.1\r\nHost: a\r\nEmpty:\r\n\r\n", "GET /x", ""},
      {"GET /x HTTP/1.1\r\nHost: a\r\n", "more", ""},
  };
  for (const Case& one : cases) {
    std::string body;
    EXPECT_EQ(read_request(one.bytes, &body), one.expected) << one.bytes;
    EXPECT_EQ(body, one.body) << one.bytes;
  }
}

TEST(Message, ABodyThatComesByteByByte) {
  const std::string head = "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const std::string& framed : {std::string("0\r\n\r\n"), std::string("1\r\na\r\n0\r\n\r\n"), std::string("000\r\n\r\n")}) {
    Parser parser(Side::request);
    ASSERT_EQ(parser.take_head(head), head.size());
    std::string carried;
    for (std::size_t begin = 0, end = 1; end <= framed.size(); ++end) {
      EXPECT_FALSE(parser.done());
      auto taken = parser.take_body(std::string_view(framed).substr(begin, end - begin), &carried);
      ASSERT_TRUE(taken) << taken.error().why;
      begin += *taken;
    }
    EXPECT_TRUE(parser.done()) << framed;
    EXPECT_EQ(carried, framed.starts_with('1') ? "a" : "");
  }
}

TEST(Message, WhatIsRefused) {
  struct Case {
    std::string lines;  // behind "POST /x HTTP/1.1\r\nHost: a\r\n"
    std::string expected;
  };
  const std::string chunked = "Transfer-Encoding: chunked\r\n";
  const Case cases[] = {
      {"Content-Length: 3\r\n" + chunked + "\r\n", "400: Transfer-Encoding: twice, or beside Content-Length"},
      {chunked + "Content-Length: 3\r\n\r\n", "400: Content-Length: no single number, or beside Transfer-Encoding"},
      {"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", "400: Content-Length more than once"},
      {"Content-Length: 3, 3\r\n\r\nabc", "400: Content-Length more than once"},
      {"Content-Length: 3\r\nContent-Length: 4\r\n\r\n", "400: Content-Length: no single number, or beside Transfer-Encoding"},
      {"Content-Length: +3\r\n\r\nabc", "400: Content-Length: no single number, or beside Transfer-Encoding"},
      {"Content-Length: -1\r\n\r\n", "400: Content-Length: no single number, or beside Transfer-Encoding"},
      {"Content-Length: 0x3\r\n\r\nabc", "400: Content-Length: no single number, or beside Transfer-Encoding"},
      {"Content-Length: 99999999999999999999\r\n\r\n", "400: Content-Length: no single number, or beside Transfer-Encoding"},
      {"Content-Length:\r\n\r\n", "400: Content-Length: no single number, or beside Transfer-Encoding"},
      {chunked + chunked + "\r\n0\r\n\r\n", "400: Transfer-Encoding: twice, or beside Content-Length"},
      {"Transfer-Encoding: gzip, chunked\r\n\r\n", "400: a Transfer-Encoding other than chunked"},
      {"Transfer-Encoding: chunked, identity\r\n\r\n", "400: a Transfer-Encoding other than chunked"},
      {"Transfer-Encoding: xchunked\r\n\r\n", "400: a Transfer-Encoding other than chunked"},
      {"Transfer-Encoding: \"chunked\"\r\n\r\n", "400: a Transfer-Encoding other than chunked"},
      {"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n", "400: a Transfer-Encoding other than chunked"},
      {"Transfer-Encoding : chunked\r\n\r\n", "400: a header field: its name, its value or its line end"},
      {"X: a\r\n b\r\n\r\n", "400: a header field over several lines"},
      {"X: a\r\n\tb\r\n\r\n", "400: a header field over several lines"},
      {"X:\r\n a\r\n\r\n", "400: a header field over several lines"},
      {"X: a\nY: b\r\n\r\n", "400: a header field: its name, its value or its line end"},
      {"X: a\rY: b\r\n\r\n", "400: a line end that is no CRLF"},
      {std::string("X: a\0b\r\n\r\n", 10), "400: a header field: its name, its value or its line end"},
      {"X\x01: a\r\n\r\n", "400: a header field: its name, its value or its line end"},
      {": a\r\n\r\n", "400: a header field: its name, its value or its line end"},
      {"X\r\n\r\n", "400: a header field: its name, its value or its line end"},
      {" X: a\r\n\r\n", "400: a header field over several lines"},
      {chunked + "\r\n3;x=y\r\nabc\r\n0\r\n\r\n", "400: a chunk extension"},
      {chunked + "\r\n3 \r\nabc\r\n0\r\n\r\n", "400: the framing of a chunk"},
      {chunked + "\r\n0x3\r\nabc\r\n0\r\n\r\n", "400: the framing of a chunk"},
      {chunked + "\r\n-3\r\nabc\r\n0\r\n\r\n", "400: the framing of a chunk"},
      {chunked + "\r\n3\nabc\r\n0\r\n\r\n", "400: the framing of a chunk"},
      {chunked + "\r\n3\r\nabcX\r\n0\r\n\r\n", "400: the framing of a chunk"},
      {chunked + "\r\nFFFFFFFFFFFFFFFFF\r\n", "400: the framing of a chunk"},
      {chunked + "\r\n1\r\na\r\n0\r\nX: y\r\n\r\n", "400: a trailer behind the body"},
      {"X: " + std::string(17 << 10, 'x') + "\r\n\r\n", "431: the head is longer than 16 KiB"},
  };
  const std::string start = "POST /x HTTP/1.1\r\nHost: a\r\n";
  for (const Case& one : cases) EXPECT_EQ(read_request(start + one.lines), one.expected) << one.lines;
}

TEST(Message, WhatIsNoRequestLine) {
  for (std::string line :
       {"GET /x", "GET  /x HTTP/1.1", "GET /x HTTP/1.1 ", "GET /x  HTTP/1.1", "GET /x HTTP/2.0", "GET /x HTTP/0.9",
        "GET /x http/1.1", "GET /x\tHTTP/1.1", " GET /x HTTP/1.1", "G(T /x HTTP/1.1", "GET /\x01 HTTP/1.1", ""}) {
    const std::string seen = read_request(line + "\r\n" + std::string(kHost) + "\r\n");
    EXPECT_TRUE(seen.starts_with("400: ") || seen.starts_with("505: ")) << line << " -> " << seen;
  }
}

TEST(Message, KeepsEachLineAsItCame) {
  const std::string bytes = "GET /x HTTP/1.1\r\nHost: a\r\nX-Two:  b \r\nConnection: close\r\n\r\n";
  Parser parser(Side::request);
  ASSERT_EQ(*parser.take_head(bytes), bytes.size());
  const Head& head = parser.head();
  EXPECT_EQ(head.start_line, "GET /x HTTP/1.1\r\n");
  ASSERT_EQ(head.fields.size(), 3u);
  EXPECT_EQ(head.fields[1].line, "X-Two:  b \r\n");
  EXPECT_EQ(head.find("x-two")->value, "b");
  EXPECT_FALSE(head.keep_alive);
  EXPECT_EQ(head.framing, Framing::none);
}

// A head of more than one packet comes in parts, cut anywhere.
TEST(Message, AHeadInTwoPartsIsTheSameHead) {
  const std::string request = "POST /x HTTP/1.1\r\nHost: a\r\nX-Two:  b \r\nContent-Length: 5\r\n\r\n";
  const std::string response = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\n";
  for (const auto& [side, bytes] : {std::pair{Side::request, request}, {Side::response, response}}) {
    Parser whole(side);
    ASSERT_EQ(*whole.take_head(bytes), bytes.size());
    for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
      Parser parser(side);
      ASSERT_EQ(*parser.take_head(std::string_view(bytes).substr(0, cut)), 0u) << cut;
      auto taken = parser.take_head(bytes);
      ASSERT_TRUE(taken) << "cut behind " << cut << ": " << taken.error().why;
      EXPECT_EQ(*taken, bytes.size()) << cut;
      EXPECT_EQ(parser.head().start_line, whole.head().start_line);
      ASSERT_EQ(parser.head().fields.size(), whole.head().fields.size()) << cut;
      for (std::size_t i = 0; i < whole.head().fields.size(); ++i)
        EXPECT_EQ(parser.head().fields[i].line, whole.head().fields[i].line) << cut;
      EXPECT_EQ(parser.head().length, 5u) << cut;
    }
    Parser parser(side);
    for (std::size_t end = 0; end < bytes.size(); ++end) ASSERT_EQ(*parser.take_head(std::string_view(bytes).substr(0, end)), 0u);
    EXPECT_EQ(*parser.take_head(bytes), bytes.size());
  }
}

TEST(Message, ResponsesEndAsTheirHeadSays) {
  struct Case {
    std::string bytes;
    Framing framing;
    bool keep_alive;
  };
  const Case cases[] = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", Framing::length, true},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", Framing::chunked, true},
      {"HTTP/1.1 200 OK\r\n\r\n", Framing::until_close, false},
      {"HTTP/1.1 204 No Content\r\n\r\n", Framing::none, true},
      {"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", Framing::none, true},
      {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n", Framing::length, false},
  };
  for (const Case& one : cases) {
    Parser parser(Side::response);
    ASSERT_EQ(*parser.take_head(one.bytes), one.bytes.size()) << one.bytes;
    EXPECT_EQ(parser.head().framing, one.framing) << one.bytes;
    EXPECT_EQ(parser.head().keep_alive, one.keep_alive) << one.bytes;
  }
}

TEST(Message, TokensOfSeveralLines) {
  Parser parser(Side::request);
  ASSERT_TRUE(parser.take_head("GET / HTTP/1.1\r\nConnection: keep-alive ,\tX-Hop\r\nconnection: Close\r\n\r\n"));
  EXPECT_TRUE(has_token(parser.head(), "Connection", "x-hop"));
  EXPECT_TRUE(has_token(parser.head(), "Connection", "close"));
  EXPECT_FALSE(has_token(parser.head(), "Connection", "hop"));
}

}  // namespace
}  // namespace notaus::net
