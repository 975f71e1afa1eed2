#include "audit/tree.h"

#include <bit>

namespace notaus::audit {

Hash leaf_hash(std::string_view entry) { return sha256({"\0", 1}, entry); }

Hash node_hash(const Hash& left, const Hash& right) { return sha256("\1", bytes_of(left), bytes_of(right)); }

Hash root_of(std::span<const Hash> leaves) {
  if (leaves.empty()) return sha256({});
  if (leaves.size() == 1) return leaves.front();
  const std::size_t left = std::bit_floor(leaves.size() - 1);
  return node_hash(root_of(leaves.first(left)), root_of(leaves.subspan(left)));
}

std::optional<Tree> Tree::at(std::uint64_t size, std::vector<std::vector<Hash>> edge) {
  std::uint64_t rest = size;
  for (const auto& level : edge) {
    if (level.size() != rest % kTileWidth) return std::nullopt;
    rest /= kTileWidth;
  }
  if (rest != 0) return std::nullopt;
  Tree out;
  out.size_ = size;
  out.edge_ = std::move(edge);
  return out;
}

void Tree::append(const Hash& leaf, const FullTile& full) {
  const std::uint64_t before = size_++;
  Hash hash = leaf;
  for (unsigned level = 0;; ++level) {
    if (level == edge_.size()) edge_.emplace_back().reserve(kTileWidth);
    edge_[level].push_back(hash);
    if (edge_[level].size() < kTileWidth) return;
    full(level, before >> (8 * (level + 1)), edge_[level]);
    hash = root_of(edge_[level]);
    edge_[level].clear();
  }
}

// From right to left, each perfect subtree of the edge is the left neighbour of all that is right of it.
Hash Tree::root() const {
  std::optional<Hash> out;
  for (const auto& level : edge_)
    for (std::size_t end = level.size(); end > 0;) {
      const std::size_t width = end & -end;
      const Hash subtree = root_of(std::span(level).subspan(end - width, width));
      out = out ? node_hash(subtree, *out) : subtree;
      end -= width;
    }
  return out ? *out : sha256({});
}

}  // namespace notaus::audit
