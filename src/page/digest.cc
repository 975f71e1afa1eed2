#include "page/digest.h"

#include <blake2.h>

#include "base/id.h"

namespace notaus::page {

DigestKey DigestKey::load(const StateDir& state) {
  DigestKey out;
  if (auto key = read_file(state.keys(), 4096); key && key->size() >= 32) out.key_ = key->substr(0, 32);
  return out;
}

Result<> DigestKey::make(const StateDir& state) {
  auto fd = make_file(state.keys(), 32, 0640);
  if (!fd) return fd.error().kind == Kind::refused ? Result<>{} : std::unexpected(fd.error());
  std::uint64_t key[4] = {random_u64(), random_u64(), random_u64(), random_u64()};
  return write_at(fd->get(), key, sizeof key, 0);
}

std::array<std::uint64_t, 2> DigestKey::digest(std::string_view tenant, std::string_view args) const {
  std::array<std::uint64_t, 2> out{};
  if (key_.empty() || args.empty()) return out;
  blake2b_state hash;
  std::uint64_t length = tenant.size();
  blake2b_init_key(&hash, sizeof out, key_.data(), key_.size());
  blake2b_update(&hash, reinterpret_cast<const std::uint8_t*>(&length), sizeof length);
  blake2b_update(&hash, reinterpret_cast<const std::uint8_t*>(tenant.data()), tenant.size());
  blake2b_update(&hash, reinterpret_cast<const std::uint8_t*>(args.data()), args.size());
  blake2b_final(&hash, reinterpret_cast<std::uint8_t*>(out.data()), sizeof out);
  return out;
}

}  // namespace notaus::page
