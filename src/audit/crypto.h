// audit/crypto.h: the four things the log needs of a cryptographer. The only file here that knows OpenSSL.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace notaus::audit {

using Hash = std::array<std::uint8_t, 32>;

inline std::string_view bytes_of(const Hash& hash) { return {reinterpret_cast<const char*>(hash.data()), hash.size()}; }
std::optional<Hash> hash_of(std::string_view bytes);  // nothing: not 32 of them

// SHA-256 of the parts, one behind the other.
Hash sha256(std::string_view first, std::string_view second = {}, std::string_view third = {});

// Ed25519 (RFC 8032). The seed is the secret; the public key follows from it.
struct SigningKey {
  Hash seed, public_key;
};
Result<SigningKey> make_signing_key();
Result<SigningKey> signing_key(const Hash& seed);
Result<std::string> sign(const SigningKey& key, std::string_view text);  // 64 bytes
bool is_signed(const Hash& public_key, std::string_view text, std::string_view signature);

// RFC 4648, section 4. Strict: what would not be written so again is not base64.
std::string base64(std::string_view bytes);
std::optional<std::string> from_base64(std::string_view text);

}  // namespace notaus::audit
