#include "page/digest.h"

#include <blake2.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <span>

#include <fmt/format.h>

#include "base/id.h"
#include "core/flat.h"

namespace notaus::page {
namespace {

constexpr std::size_t kKeySize = 32;

std::array<std::uint64_t, 2> blake2(std::string_view key, std::string_view text) {
  std::array<std::uint64_t, 2> out{};
  blake2b(reinterpret_cast<std::uint8_t*>(out.data()), text.data(), key.data(), sizeof out, text.size(), key.size());
  return out;
}

}  // namespace

std::array<std::uint64_t, 2> DigestKeys::digest(std::string_view tenant, std::string_view args) {
  const Key* key = args.empty() ? nullptr : find(tenant);
  return key == nullptr || key->bytes.empty() ? std::array<std::uint64_t, 2>{} : blake2(key->bytes, args);
}

const DigestKeys::Key* DigestKeys::find(std::string_view tenant) {
  for (std::size_t at = core::hash_of(tenant), step = 0; step < kCells; ++step) {
    const Key* key = cells_[(at + step) % kCells].load(std::memory_order_acquire);
    if (key == nullptr) return read(tenant);
    if (key->tenant == tenant) return key;
  }
  return nullptr;
}

// Without memory there is no digest, and the call goes on.
const DigestKeys::Key* DigestKeys::read(std::string_view tenant) try {
  std::scoped_lock hold(mutex_);
  std::size_t at = core::hash_of(tenant) % kCells;
  for (; cells_[at] != nullptr; at = (at + 1) % kCells)
    if (cells_[at].load()->tenant == tenant) return cells_[at];  // another thread was faster
  if (known_ == kMost) return nullptr;
  keys_.push_back({std::string(tenant), obtain(tenant)});
  cells_[at].store(&keys_.back(), std::memory_order_release);
  ++known_;
  return &keys_.back();
} catch (const std::bad_alloc&) {
  return nullptr;
}

// Whoever comes first makes it, whole before anyone can read it.
std::string DigestKeys::obtain(std::string_view tenant) const {
  const std::string file = path(tenant);
  if (access(file.c_str(), F_OK) != 0) {
    const std::uint64_t fresh[] = {random_u64(), random_u64(), random_u64(), random_u64()};
    static_assert(sizeof fresh == kKeySize);
    (void)make_file(file, std::string_view(reinterpret_cast<const char*>(fresh), sizeof fresh), 0640);
  }
  auto key = read_file(file, kKeySize);
  return key && key->size() == kKeySize ? *key : "";
}

// As `printf %s acme | b2sum -l 128` has it, since a tenant's name may be longer than a file's, and have a slash in it.
std::string DigestKeys::path(std::string_view tenant) const {
  const auto hash = blake2({}, tenant);
  std::string name;
  for (std::byte byte : std::as_bytes(std::span(hash))) name += fmt::format("{:02x}", static_cast<unsigned>(byte));
  return state_.keys() + "/" + name;
}

void DigestKeys::forget_destroyed() {
  std::scoped_lock hold(mutex_);
  const bool stand = std::ranges::all_of(cells_, [&](const auto& cell) {
    const Key* key = cell.load();
    return key == nullptr || access(path(key->tenant).c_str(), F_OK) == 0 || errno != ENOENT;
  });
  if (stand) return;
  for (auto& cell : cells_) cell.store(nullptr);  // all of them: which cell a key is in depends on the others
  known_ = 0;
}

}  // namespace notaus::page
