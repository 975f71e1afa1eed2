#include "gate/identity.h"

#define OPENSSL_SUPPRESS_DEPRECATED  // the plain functions: those behind EVP load providers first
#include <openssl/sha.h>

#include <array>

#include "net/message.h"

namespace notaus::gate {

std::string sha256_hex(std::string_view text) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest;
  SHA256_CTX hash;
  SHA256_Init(&hash);
  SHA256_Update(&hash, text.data(), text.size());
  SHA256_Final(digest.data(), &hash);
  std::string out;
  for (unsigned char byte : digest) {
    out += "0123456789abcdef"[byte >> 4];
    out += "0123456789abcdef"[byte & 15];
  }
  return out;
}

const Caller* Identities::who(std::string_view token) const {
  if (token.empty()) return nullptr;
  auto found = callers_.find(sha256_hex(token));
  return found == callers_.end() ? nullptr : &found->second;
}

const Caller* Identities::who_is(const std::string& certified) const {
  auto found = certified_.find(certified);
  return found == certified_.end() ? nullptr : &found->second;
}

std::string_view bearer(std::string_view authorization) {
  constexpr std::string_view kScheme = "Bearer ";
  if (authorization.size() < kScheme.size() || !net::same_name(authorization.substr(0, kScheme.size()), kScheme)) return {};
  std::string_view token = authorization.substr(kScheme.size());
  while (token.starts_with(' ')) token.remove_prefix(1);
  return token;
}

}  // namespace notaus::gate
