// audit/tree.h: a Merkle tree as RFC 6962 hashes it, in tiles of 256 hashes as c2sp.org/tlog-tiles cuts it.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "audit/crypto.h"

namespace notaus::audit {

constexpr std::uint64_t kTileWidth = 256;

Hash leaf_hash(std::string_view entry);
Hash node_hash(const Hash& left, const Hash& right);
Hash root_of(std::span<const Hash> leaves);  // MTH() of RFC 6962

// The right edge of a growing tree: of each level, the hashes of the tile that is not full yet. All that is needed to append and to know
// the root.
class Tree {
 public:
  using FullTile = std::function<void(unsigned level, std::uint64_t index, std::span<const Hash> hashes)>;

  Tree() = default;
  // As after `size` leaves; edge[l] holds size / 256^l % 256 hashes. Nothing: it does not.
  static std::optional<Tree> at(std::uint64_t size, std::vector<std::vector<Hash>> edge);

  void append(const Hash& leaf, const FullTile& full = [](auto...) {});
  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] Hash root() const;
  [[nodiscard]] const std::vector<std::vector<Hash>>& edge() const { return edge_; }  // by level

 private:
  std::uint64_t size_ = 0;
  std::vector<std::vector<Hash>> edge_;
};

}  // namespace notaus::audit
