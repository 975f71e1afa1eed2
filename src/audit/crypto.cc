#include "audit/crypto.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <memory>

#include "base/must.h"

namespace notaus::audit {
namespace {

template <auto free>
struct Free {
  void operator()(auto* one) const { free(one); }
};
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Digest = std::unique_ptr<EVP_MD_CTX, Free<EVP_MD_CTX_free>>;
using Algorithm = std::unique_ptr<EVP_MD, Free<EVP_MD_free>>;

const std::uint8_t* raw(std::string_view text) { return reinterpret_cast<const std::uint8_t*>(text.data()); }

// Without openssl.cnf: hashes and signatures have no use for it, to read it takes longer than to write a record, and one that is broken, or
// leaves out the algorithms we need, must not keep a stop from the log (decisions/0009).
const bool kStarted = OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr) == 1;

Trouble no_crypto(const char* what) { return {Kind::unsupported, std::string(what) + ": OpenSSL refuses it on this machine"}; }

}  // namespace

std::optional<Hash> hash_of(std::string_view bytes) {
  Hash out;
  if (bytes.size() != out.size()) return std::nullopt;
  std::ranges::copy(bytes, out.begin());
  return out;
}

Hash sha256(std::string_view first, std::string_view second, std::string_view third) {
  // Looked up once and used again: by itself OpenSSL 3 looks its algorithms up anew for each digest, which takes longer than a record's.
  static const Algorithm algorithm(EVP_MD_fetch(nullptr, "SHA256", nullptr));
  thread_local const Digest context(EVP_MD_CTX_new());
  Hash out;
  bool done = EVP_DigestInit_ex2(context.get(), algorithm.get(), nullptr) == 1;
  for (std::string_view part : {first, second, third})
    done = done && EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1;
  must(done && EVP_DigestFinal_ex(context.get(), out.data(), nullptr) == 1);
  return out;
}

Result<SigningKey> make_signing_key() {
  Hash seed;
  if (RAND_bytes(seed.data(), static_cast<int>(seed.size())) != 1) return std::unexpected(no_crypto("random bytes"));
  return signing_key(seed);
}

Result<SigningKey> signing_key(const Hash& seed) {
  SigningKey out{seed, {}};
  std::size_t size = out.public_key.size();
  Key key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.data(), seed.size()));
  if (!key || EVP_PKEY_get_raw_public_key(key.get(), out.public_key.data(), &size) != 1)
    return std::unexpected(no_crypto("Ed25519"));
  return out;
}

Result<std::string> sign(const SigningKey& key, std::string_view text) {
  std::string out(64, '\0');
  std::size_t size = out.size();
  Key secret(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, key.seed.data(), key.seed.size()));
  Digest context(EVP_MD_CTX_new());
  if (!secret || EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, secret.get()) != 1 ||
      EVP_DigestSign(context.get(), reinterpret_cast<std::uint8_t*>(out.data()), &size, raw(text), text.size()) != 1)
    return std::unexpected(no_crypto("Ed25519"));
  return out;
}

bool is_signed(const Hash& public_key, std::string_view text, std::string_view signature) {
  Key key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, public_key.data(), public_key.size()));
  Digest context(EVP_MD_CTX_new());
  return key && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
         EVP_DigestVerify(context.get(), raw(signature), signature.size(), raw(text), text.size()) == 1;
}

std::string base64(std::string_view bytes) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');  // OpenSSL ends it with a zero byte
  out.resize(static_cast<std::size_t>(
      EVP_EncodeBlock(reinterpret_cast<std::uint8_t*>(out.data()), raw(bytes), static_cast<int>(bytes.size()))));
  return out;
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::string out(text.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<std::uint8_t*>(out.data()), raw(text), static_cast<int>(text.size()));
  if (size < 0) return std::nullopt;
  out.resize(static_cast<std::size_t>(size) - (text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0));
  return base64(out) == text ? std::optional(out) : std::nullopt;
}

}  // namespace notaus::audit
