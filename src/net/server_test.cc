// Servers and pools on real sockets. A client here is a plain blocking socket, so that it can say what no library would.
#include "net/server.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <deque>
#include <future>
#include <string>
#include <thread>

#include "net/address.h"
#include "net/pool.h"

namespace notaus::net {
namespace {

using namespace std::chrono_literals;

// Answers with what it was asked: "POST /x: the body".
Task<> echo(Connection& client) {
  std::string said = std::string(client.request().method) + " " + std::string(client.request().target) + ": ";
  if (client.request().target == "/unread") {
    co_await client.answer({.status = 403, .body = said});
    co_return;
  }
  if (auto read = co_await client.whole_body(said, 1 << 20); !read) {
    if (read.error().status == 0) co_return;
    client.close_after_this();
    co_await client.answer({.status = read.error().status, .body = std::string(read.error().why)});
    co_return;
  }
  co_await client.answer({.type = "text/plain", .body = said});
}

class Client {
 public:
  explicit Client(const std::string& address) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
    EXPECT_EQ(connect(fd_.get(), reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
  }

  void say(std::string_view bytes) { EXPECT_TRUE(write_all(fd_.get(), bytes)); }
  void half_close() { shutdown(fd_.get(), SHUT_WR); }

  // Until it has seen `mark`, or the end.
  std::string hear(const std::string& mark) {
    std::array<char, 4096> chunk;
    while (heard_.find(mark) == std::string::npos) {
      pollfd ready{fd_.get(), POLLIN, 0};
      if (poll(&ready, 1, 20'000) != 1) return "nothing came: " + heard_;
      ssize_t n = read(fd_.get(), chunk.data(), chunk.size());
      if (n <= 0) return std::exchange(heard_, {}) + "<end>";
      heard_.append(chunk.data(), static_cast<std::size_t>(n));
    }
    auto end = heard_.find(mark) + mark.size();
    std::string out = heard_.substr(0, end);
    heard_.erase(0, end);
    return out;
  }
  std::string hear_end() { return hear("\x01 never said"); }

 private:
  Fd fd_;
  std::string heard_;
};

class World {
 public:
  explicit World(Limits limits = {}, Server::Handler handler = echo)
      : limits_(limits), server_(loop_, limits_, std::move(handler), [](const Refusal& refusal) {
          return Answer{.status = refusal.status, .type = "text/plain", .body = std::string(refusal.why)};
        }) {
    auto listener = listen_on("127.0.0.1:0");
    EXPECT_TRUE(listener);
    address = bound_address(listener->get());
    EXPECT_TRUE(server_.listen(*std::move(listener)));
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~World() {
    loop_.stop();
    thread_.join();
  }

  template <class Work>
  auto in_loop(Work work) {
    std::promise<decltype(work())> done;
    loop_.post([&] { done.set_value(work()); });
    return done.get_future().get();
  }

  // A task, run to its end on the loop's thread.
  template <class T>
  T await(Task<T> task) {
    std::promise<T> done;
    auto run = [](Task<T> inner, std::promise<T>& out) -> Task<> { out.set_value(co_await std::move(inner)); };
    loop_.post([&] { loop_.start(run(std::move(task), done)); });
    return done.get_future().get();
  }

  std::string address;
  Loop& loop() { return loop_; }
  Server& server() { return server_; }

 private:
  Loop loop_;
  Limits limits_;
  Server server_;
  std::thread thread_;
};

TEST(Server, OneConnectionManyRequests) {
  World world;
  Client client(world.address);
  client.say("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_NE(client.hear("GET /a: ").find("HTTP/1.1 200 OK\r\n"), std::string::npos);
  client.say("POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi");
  client.hear("POST /b: hi");
  client.say("GET /c HTTP/1.1\r\nHost: x\r\n\r\nGET /d HTTP/1.1\r\nHost: x\r\n\r\n");
  client.hear("GET /c: ");
  client.hear("GET /d: ");
  client.say("GET /e HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_NE(client.hear_end().find("Connection: close"), std::string::npos);
}

TEST(Server, AsSlowlyAsTheClientLikesByteByByte) {
  World world;
  Client client(world.address);
  for (char c : std::string_view("POST /b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"))
    client.say({&c, 1});
  client.hear("POST /b: hi");
  client.say("GET /c HTTP/1.1\r\nHost: x\r\n\r\n");
  client.hear("GET /c: ");
}

TEST(Server, ABodyLargerThanAnyBuffer) {
  World world;
  Client client(world.address);
  const std::string body(300'000, 'x');
  client.say("POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n" + body);
  EXPECT_NE(client.hear("POST /b: " + body).find("200 OK"), std::string::npos);
  std::string chunks;
  for (int i = 0; i < 100; ++i) chunks += "bb8\r\n" + std::string(3000, 'y') + "\r\n";
  client.say("POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + "0\r\n\r\n");
  client.hear("POST /c: " + std::string(300'000, 'y'));
}

TEST(Server, NothingIsReadBehindWhatItCouldNotRead) {
  World world;
  Client client(world.address);
  client.say(
      "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n");
  std::string heard = client.hear_end();
  EXPECT_TRUE(heard.starts_with("HTTP/1.1 400 Bad Request\r\n")) << heard;
  EXPECT_NE(heard.find("Connection: close"), std::string::npos);
  EXPECT_EQ(heard.find("GET /b"), std::string::npos);
}

TEST(Server, AnUnreadBodyEndsTheConnection) {
  World world;
  Client client(world.address);
  client.say("POST /unread HTTP/1.1\r\nHost: x\r\nContent-Length: 33\r\n\r\nGET /inner HTTP/1.1\r\nHost: x\r\n\r\n");
  std::string heard = client.hear_end();
  EXPECT_TRUE(heard.starts_with("HTTP/1.1 403 ")) << heard;
  EXPECT_EQ(heard.find("/inner"), std::string::npos);
}

TEST(Server, TooLongIsSaidBeforeItIsRead) {
  World world;
  Client client(world.address);
  client.say("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_TRUE(client.hear_end().starts_with("HTTP/1.1 413 "));
}

TEST(Server, WhoeverAsksFirstIsInvited) {
  World world;
  Client client(world.address);
  client.say("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.hear("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.say("hi");
  client.hear("POST /a: hi");
}

TEST(Server, AClientThatLeavesInTheMiddle) {
  World world;
  for (std::string_view part : {"", "GE", "GET /a HTTP/1.1\r\n", "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab"}) {
    Client client(world.address);
    client.say(part);
    client.half_close();
    EXPECT_EQ(client.hear_end(), "<end>") << part;
  }
  while (world.in_loop([&] { return world.server().connections(); }) > 0) std::this_thread::yield();
}

TEST(Server, TooSlowIsToldAndIdleIsNot) {
  World world({.idle_ns = 1, .head_ns = 1, .body_ns = 1});
  Client idle(world.address), head(world.address), body(world.address);
  head.say("GET /a HT");
  body.say("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab");
  EXPECT_EQ(idle.hear_end(), "<end>");
  EXPECT_TRUE(head.hear_end().starts_with("HTTP/1.1 408 "));
  EXPECT_TRUE(body.hear_end().starts_with("HTTP/1.1 408 "));
}

TEST(Server, OneTooManyIsToldSo) {
  World world({.connections = 1});
  Client first(world.address);
  first.say("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
  first.hear("GET /a: ");
  Client second(world.address);
  EXPECT_TRUE(second.hear_end().starts_with("HTTP/1.1 503 "));
  first.say("GET /b HTTP/1.1\r\nHost: x\r\n\r\n");
  first.hear("GET /b: ");
}

// The descriptors kept back are few; a loop for each of many CPUs must not take them all.
TEST(Server, FewAreWaitedForHoweverManyServersThereAre) {
  const Limits none{.connections = 0, .parting_ns = 3'600'000'000'000};
  World worlds[3] = {World(none), World(none), World(none)};
  std::deque<Client> crowd;
  for (std::size_t i = 0; i < 3 * Server::kMostTurnedAway; ++i)
    EXPECT_TRUE(crowd.emplace_back(worlds[i % 3].address).hear_end().starts_with("HTTP/1.1 503 "));
  for (World& world : worlds) world.in_loop([] { return true; });
  EXPECT_EQ(Server::turned_away(), Server::kMostTurnedAway);
  crowd.clear();
  while (Server::turned_away() > 0) std::this_thread::yield();
}

TEST(Server, WindsUpWhenTheLastIsAnswered) {
  World world;
  Client idle(world.address), busy(world.address);
  busy.say("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  busy.hear("100 Continue\r\n\r\n");
  while (world.in_loop([&] { return world.server().connections(); }) < 2) std::this_thread::yield();
  std::promise<void> empty;
  world.loop().post([&] { world.server().wind_up([&] { empty.set_value(); }); });
  EXPECT_EQ(idle.hear_end(), "<end>");
  busy.say("hi");
  EXPECT_NE(busy.hear_end().find("POST /a: hi"), std::string::npos);
  empty.get_future().get();
}

TEST(Server, AUnixSocketTakesThePlaceOfADeadOne) {
  const std::string path = testing::TempDir() + "/notaus-net-test." + std::to_string(getpid());
  {
    auto first = listen_on("unix:" + path);
    ASSERT_TRUE(first);
    EXPECT_EQ(listen_on("unix:" + path).error().kind, Kind::refused);
  }
  EXPECT_TRUE(listen_on("unix:" + path));
  unlink(path.c_str());
}

// --- the other side ---

// Lives and dies on the thread of its loop.
class PoolIn {
 public:
  PoolIn(World& world, const std::string& address)
      : world_(world),
        pool_(world.in_loop([&] { return std::make_unique<Pool>(world.loop(), *parse_origin("http://" + address)); })) {}
  ~PoolIn() {
    world_.in_loop([this] {
      pool_.reset();
      return 0;
    });
  }
  Pool& operator*() { return *pool_; }

 private:
  World& world_;
  std::unique_ptr<Pool> pool_;
};

Task<std::string> ask(Pool& pool, std::string request) {
  Result<std::unique_ptr<Link>> link = pool.idle();
  if (!*link) link = co_await pool.connect();
  if (!link) co_return "no link: " + link.error().what;
  std::array pieces = {piece(request)};
  if (!co_await (*link)->stream.write(pieces)) co_return "not written";
  auto head = co_await (*link)->reader.head();
  if (!head) co_return "no head: " + std::string(head.error().why);
  std::string body = std::to_string((*head)->status) + " ";
  if (auto read = co_await (*link)->reader.whole_body(body, 1 << 20); !read) co_return std::string(read.error().why);
  if ((*link)->reader.last_head().keep_alive) pool.give_back(*std::move(link));
  co_return body;
}

TEST(Pool, UsesAConnectionAgainUntilItIsDead) {
  World world;
  PoolIn pool(world, world.address);
  const std::string get = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
  EXPECT_EQ(world.await(ask(*pool, get)), "200 GET /a: ");
  EXPECT_EQ(world.await(ask(*pool, get)), "200 GET /a: ");
  EXPECT_EQ(world.in_loop([&] { return world.server().connections(); }), 1u);
  EXPECT_EQ(world.await(ask(*pool, "GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")), "200 GET /a: ");
  EXPECT_EQ(world.await(ask(*pool, get)), "200 GET /a: ");
}

TEST(Pool, SaysWhenNobodyIsThere) {
  World world;
  std::string nobody;
  {
    auto listener = listen_on("127.0.0.1:0");
    nobody = bound_address(listener->get());
  }
  PoolIn pool(world, nobody);
  EXPECT_EQ(world.await(ask(*pool, "GET / HTTP/1.1\r\n\r\n")), "no link: Connection refused");
}

TEST(Origin, OfAUrl) {
  struct Case {
    std::string url, host, port, authority, path;
  };
  for (const Case& one : {Case{"http://a", "a", "80", "a", ""},
                          {"https://a/", "a", "443", "a", ""},
                          {"http://a:81/m/", "a", "81", "a:81", "/m"},
                          {"http://[::1]:81/m", "::1", "81", "[::1]:81", "/m"},
                          {"http://[::1]", "::1", "80", "[::1]", ""},
                          {"http://unix:/run/x.sock:/m", "unix:/run/x.sock", "", "localhost", "/m"}}) {
    auto origin = parse_origin(one.url);
    ASSERT_TRUE(origin) << one.url;
    EXPECT_EQ(std::tie(origin->host, origin->port, origin->authority, origin->path),
              std::tie(one.host, one.port, one.authority, one.path))
        << one.url;
  }
  for (std::string_view url : {"a", "ftp://a", "http://", "http://u:p@a", "http://a?b", "http://a:x", "http://a:", "http://:1"})
    EXPECT_FALSE(parse_origin(url)) << url;
}

}  // namespace
}  // namespace notaus::net
