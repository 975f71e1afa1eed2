// net/tls.h: TLS of one connection, over bytes that its stream moves: nothing in here reads or writes a socket, so what leaves when is seen where
// it is for plain ones (stream.h).
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

struct ssl_ctx_st;
struct ssl_st;

namespace notaus::net {

class TlsSession;

// Who we are, and whom we believe; shared by connections of all loops.
class Tls {
 public:
  struct Files {
    std::string cert, key;  // ours, PEM; the chain behind our own
    std::string client_ca = {};  // not empty: who has no certificate of one of these is nobody
  };
  static Result<std::shared_ptr<const Tls>> server(const Files& files);

  // A server's certificate must be valid, of its name, and of one of these; empty: those that the system believes.
  static Result<std::shared_ptr<const Tls>> client(const std::string& ca);

  ~Tls();
  Tls(const Tls&) = delete;

  [[nodiscard]] std::unique_ptr<TlsSession> accept() const;
  [[nodiscard]] std::unique_ptr<TlsSession> connect(const std::string& host) const;

 private:
  explicit Tls(ssl_ctx_st* settings) : settings_(settings) {}
  ssl_ctx_st* settings_;
};

class TlsSession {
 public:
  explicit TlsSession(ssl_st* session);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;

  void feed(std::string_view bytes);  // from the peer

  // False: bytes of the peer are needed first. refused: it is not to be, and why.
  Result<bool> shake_hands();

  // The subject alternative names of the peer's certificate as OpenSSL writes them, "URI:spiffe://acme/mailer", "DNS:mailer.acme.test" (in
  // lower case), "email:mailer@acme.test" (RFC 5280, 4.2.1.6). Those of other kinds, and those with a byte that is no printable ASCII, are left out.
  [[nodiscard]] std::vector<std::string> certified() const;

  // What it means; 0: more bytes are needed first. gone: the peer has said that it ends.
  Result<std::size_t> open(std::span<char> into);
  [[nodiscard]] bool has_more();  // without another byte
  [[nodiscard]] bool ended();  // the peer has said so

  // Seals at most one record of it; how much that is. What is sealed must leave before more is.
  Result<std::size_t> seal(std::span<const iovec> pieces);
  void seal_end();

  [[nodiscard]] std::string_view sealed() const;  // bytes for the peer
  void sent(std::size_t count);

 private:
  [[nodiscard]] std::unexpected<Trouble> failed() const;

  ssl_st* session_;
};

}  // namespace notaus::net
