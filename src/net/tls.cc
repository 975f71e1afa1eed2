#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "base/ascii.h"
#include "base/must.h"

namespace notaus::net {
namespace {

constexpr std::size_t kRecord = 16 << 10;

std::string last_error() {
  const unsigned long error = ERR_peek_last_error();
  ERR_clear_error();
  const char* why = ERR_reason_error_string(error);
  return why != nullptr ? why : "not understood";
}

std::unexpected<Trouble> cannot_use(const std::string& what) { return trouble(Kind::broken, what + ": " + last_error()); }

SSL_CTX* settings_for(const SSL_METHOD* side) {
  SSL_CTX* settings = SSL_CTX_new(side);
  must(settings != nullptr);
  SSL_CTX_set_min_proto_version(settings, TLS1_2_VERSION);
  SSL_CTX_set_mode(settings, SSL_MODE_RELEASE_BUFFERS);  // an idle connection has none
  SSL_CTX_set_options(settings, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
  SSL_CTX_set_session_cache_mode(settings, SSL_SESS_CACHE_OFF);
  return settings;
}

struct KindOfName {
  int type;
  std::string_view prefix;
};
constexpr KindOfName kNames[] = {{GEN_URI, "URI:"}, {GEN_DNS, "DNS:"}, {GEN_EMAIL, "email:"}};  // IA5 strings all

std::optional<std::string> text_of(const GENERAL_NAME& name) {
  const auto* kind = std::ranges::find(kNames, name.type, &KindOfName::type);
  if (kind == std::end(kNames)) return std::nullopt;
  const ASN1_IA5STRING* text = name.d.ia5;
  std::string value(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)), static_cast<std::size_t>(ASN1_STRING_length(text)));
  if (value.empty() || std::ranges::any_of(value, [](char c) { return c <= ' ' || c > '~'; })) return std::nullopt;
  if (kind->type == GEN_DNS) std::ranges::transform(value, value.begin(), lower);
  return std::string(kind->prefix) + value;
}

bool is_address(const std::string& host) {
  ASN1_OCTET_STRING* address = a2i_IPADDRESS(host.c_str());
  ASN1_OCTET_STRING_free(address);
  ERR_clear_error();
  return address != nullptr;
}

}  // namespace

Result<std::shared_ptr<const Tls>> Tls::server(const Files& files) {
  SSL_CTX* settings = settings_for(TLS_server_method());
  std::shared_ptr<const Tls> tls(new Tls(settings));
  if (SSL_CTX_use_certificate_chain_file(settings, files.cert.c_str()) != 1) return cannot_use(files.cert);
  if (SSL_CTX_use_PrivateKey_file(settings, files.key.c_str(), SSL_FILETYPE_PEM) != 1) return cannot_use(files.key);
  if (files.client_ca.empty()) return tls;
  if (SSL_CTX_load_verify_locations(settings, files.client_ca.c_str(), nullptr) != 1) return cannot_use(files.client_ca);
  SSL_CTX_set_client_CA_list(settings, SSL_load_client_CA_file(files.client_ca.c_str()));
  SSL_CTX_set_verify(settings, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  return tls;
}

Result<std::shared_ptr<const Tls>> Tls::client(const std::string& ca) {
  SSL_CTX* settings = settings_for(TLS_client_method());
  std::shared_ptr<const Tls> tls(new Tls(settings));
  SSL_CTX_set_verify(settings, SSL_VERIFY_PEER, nullptr);
  if (ca.empty() && SSL_CTX_set_default_verify_paths(settings) != 1) return cannot_use("the system's certificates");
  if (!ca.empty() && SSL_CTX_load_verify_locations(settings, ca.c_str(), nullptr) != 1) return cannot_use(ca);
  return tls;
}

Tls::~Tls() { SSL_CTX_free(settings_); }

std::unique_ptr<TlsSession> Tls::accept() const {
  SSL* session = SSL_new(settings_);
  must(session != nullptr);
  SSL_set_accept_state(session);
  return std::make_unique<TlsSession>(session);
}

std::unique_ptr<TlsSession> Tls::connect(const std::string& host) const {
  SSL* session = SSL_new(settings_);
  must(session != nullptr);
  SSL_set_connect_state(session);
  const bool address = is_address(host);
  if (!address) SSL_set_tlsext_host_name(session, host.c_str());
  const int checked =
      address ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), host.c_str()) : SSL_set1_host(session, host.c_str());
  must(checked == 1);  // else any name would do
  SSL_set_hostflags(session, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return std::make_unique<TlsSession>(session);
}

TlsSession::TlsSession(ssl_st* session) : session_(session) { SSL_set_bio(session, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem())); }

TlsSession::~TlsSession() { SSL_free(session_); }

void TlsSession::feed(std::string_view bytes) { BIO_write(SSL_get_rbio(session_), bytes.data(), static_cast<int>(bytes.size())); }

std::unexpected<Trouble> TlsSession::failed() const {
  const long verdict = SSL_get_verify_result(session_);
  if (verdict == X509_V_OK) return trouble(Kind::broken, "TLS: " + last_error());
  ERR_clear_error();
  return trouble(Kind::refused, std::string("the certificate is not accepted: ") + X509_verify_cert_error_string(verdict));
}

Result<bool> TlsSession::shake_hands() {
  ERR_clear_error();
  const int done = SSL_do_handshake(session_);
  if (done == 1) return true;
  if (SSL_get_error(session_, done) == SSL_ERROR_WANT_READ) return false;
  return failed();
}

std::vector<std::string> TlsSession::certified() const {
  std::vector<std::string> out;
  const X509* certificate = SSL_get0_peer_certificate(session_);
  if (certificate == nullptr || SSL_get_verify_result(session_) != X509_V_OK) return out;
  auto* names = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i)
    if (auto text = text_of(*sk_GENERAL_NAME_value(names, i))) out.push_back(*std::move(text));
  GENERAL_NAMES_free(names);
  return out;
}

Result<std::size_t> TlsSession::open(std::span<char> into) {
  ERR_clear_error();
  std::size_t count = 0;
  const int read = SSL_read_ex(session_, into.data(), into.size(), &count);
  if (read == 1) return count;
  switch (SSL_get_error(session_, read)) {
    case SSL_ERROR_WANT_READ: return 0;
    case SSL_ERROR_ZERO_RETURN: return trouble(Kind::gone, "End of file");
    default: return failed();
  }
}

bool TlsSession::has_more() {
  ERR_clear_error();
  char byte;
  std::size_t count = 0;
  return SSL_peek_ex(session_, &byte, 1, &count) == 1;
}

bool TlsSession::ended() { return (SSL_get_shutdown(session_) & SSL_RECEIVED_SHUTDOWN) != 0; }

// One record's worth of the pieces, put together: each by itself would be a record of its own.
Result<std::size_t> TlsSession::seal(std::span<const iovec> pieces) {
  ERR_clear_error();
  char record[kRecord];
  std::size_t size = 0;
  for (const iovec& piece : pieces) {
    const std::size_t part = std::min(piece.iov_len, kRecord - size);
    std::memcpy(record + size, piece.iov_base, part);
    size += part;
  }
  std::size_t count = 0;
  if (size == 0) return 0;
  if (SSL_write_ex(session_, record, size, &count) != 1) return failed();
  return count;
}

void TlsSession::seal_end() {
  ERR_clear_error();
  (void)SSL_shutdown(session_);
  ERR_clear_error();
}

std::string_view TlsSession::sealed() const {
  char* data = nullptr;
  const long size = BIO_get_mem_data(SSL_get_wbio(session_), &data);
  return {data, static_cast<std::size_t>(std::max(0L, size))};
}

void TlsSession::sent(std::size_t count) {
  char gone[4096];
  while (count > 0) {
    const int read = BIO_read(SSL_get_wbio(session_), gone, static_cast<int>(std::min(count, sizeof gone)));
    if (read <= 0) return;
    count -= static_cast<std::size_t>(read);
  }
}

}  // namespace notaus::net
