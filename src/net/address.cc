#include "net/address.h"

#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/must.h"
#include "base/socket_path.h"
#include "net/descriptors.h"
#include "net/limits.h"

namespace notaus::net {
namespace {

constexpr auto kAsTuple = asio::as_tuple(asio::use_awaitable_t<Executor>{});
constexpr int kBacklog = 4096;

// One that a process has left behind is in the way; one that somebody listens on is not ours to take.
Result<> make_way(const SocketPath& at, const std::string& path) {
  Fd probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connect(probe.get(), at.address(), at.size()) == 0) return trouble(Kind::refused, path + ": another process listens there");
  if (errno == ECONNREFUSED) unlink(path.c_str());
  return {};
}

Result<Fd> listen_unix(const std::string& path, unsigned mode) {
  auto at = SocketPath::of(path);
  if (!at) return std::unexpected(at.error());
  if (auto free = make_way(*at, path); !free) return std::unexpected(free.error());
  Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  (void)fchmod(fd.get(), mode);  // before it has a name: nobody gets in whom the umask would let in
  if (bind(fd.get(), at->address(), at->size()) != 0 || chmod(path.c_str(), mode) != 0 || listen(fd.get(), kBacklog) != 0)
    return std::unexpected(os_trouble(path, errno));
  return fd;
}

Result<Fd> listen_tcp(const std::string& address) {
  auto [host, port] = split_authority(address);
  addrinfo hints{}, *list = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  if (int error = getaddrinfo(host.c_str(), port.c_str(), &hints, &list); error != 0)
    return trouble(Kind::refused, address + ": " + gai_strerror(error));
  std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(list, freeaddrinfo);
  Fd fd(socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  if (bind(fd.get(), list->ai_addr, list->ai_addrlen) != 0 || listen(fd.get(), kBacklog) != 0)
    return std::unexpected(os_trouble(address, errno));
  return fd;
}

Task<Result<Stream>> connect_one(Loop& loop, asio::generic::stream_protocol::endpoint to) {
  Socket socket(loop.context());
  boost::system::error_code none;
  (void)socket.open(to.protocol(), none);
  if (none || kept_back(socket.native_handle())) co_return trouble(Kind::retry, "no descriptor is free for a connection to it");
  auto [error] = co_await socket.async_connect(to, kAsTuple);
  if (error) co_return trouble(Kind::gone, error.message());
  prepare(socket.native_handle(), Limits().stall_ns);
  co_return Stream(std::move(socket));
}

Task<Result<Stream>> connect_plain(Loop& loop, const Origin& origin) {
  if (origin.host.starts_with(kUnixPrefix)) {
    const auto at = SocketPath::of(origin.host.substr(kUnixPrefix.size()));
    if (!at) co_return trouble(Kind::gone, at.error().what);
    co_return co_await connect_one(loop, {at->address(), at->size()});
  }
  asio::ip::basic_resolver<asio::ip::tcp, Executor> resolver(loop.context());
  boost::system::error_code numeric;
  auto address = asio::ip::make_address(origin.host, numeric);
  if (!numeric)
    co_return co_await connect_one(loop, asio::ip::tcp::endpoint(address, static_cast<std::uint16_t>(std::stoul(origin.port))));
  auto [error, found] = co_await resolver.async_resolve(origin.host, origin.port, kAsTuple);
  if (error) co_return trouble(Kind::gone, origin.host + ": " + error.message());
  Result<Stream> last = trouble(Kind::gone, origin.host + ": no address");
  for (const auto& entry : found) {
    last = co_await connect_one(loop, entry.endpoint());
    if (last) break;
  }
  co_return last;
}

}  // namespace

void prepare(int fd, std::int64_t patience_ns) {
  const int on = 1, idle_s = 30, between_s = 10, patience_ms = static_cast<int>(patience_ns / 1'000'000);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &between_s, sizeof between_s);
  setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience_ms, sizeof patience_ms);
}

Result<Fd> listen_on(const std::string& address, unsigned mode) {
  if (address.starts_with(kUnixPrefix)) return listen_unix(address.substr(kUnixPrefix.size()), mode);
  return listen_tcp(address);
}

std::string bound_address(int fd) {
  sockaddr_storage at{};
  socklen_t size = sizeof at;
  char host[NI_MAXHOST] = {}, port[NI_MAXSERV] = {};
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size) != 0 || at.ss_family == AF_UNIX) return {};
  getnameinfo(reinterpret_cast<sockaddr*>(&at), size, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
  const bool v6 = at.ss_family == AF_INET6;
  return (v6 ? "[" : "") + std::string(host) + (v6 ? "]:" : ":") + port;
}

Task<Result<Stream>> connect_to(Loop& loop, const Origin& origin, const Tls* tls) {
  auto stream = co_await connect_plain(loop, origin);
  if (!stream || !origin.tls) co_return stream;
  must(tls != nullptr);
  if (auto secured = co_await stream->secure(tls->connect(origin.host)); !secured)
    co_return trouble(Kind::gone, origin.host + ": " + secured.error().what);
  co_return stream;
}

}  // namespace notaus::net
