#include "audit/tiles.h"

#include <fmt/format.h>

#include "base/must.h"

namespace notaus::audit {
namespace {

// 1234067 is "x001/x234/067", so that no directory grows large and none has the name of a file.
std::string in_thousands(std::uint64_t index) {
  std::string out = fmt::format("{:03}", index % 1000);
  for (index /= 1000; index > 0; index /= 1000) out = fmt::format("x{:03}/{}", index % 1000, out);
  return out;
}

std::string path(std::string_view row, std::uint64_t index, std::uint64_t width) {
  return fmt::format("tile/{}/{}{}", row, in_thousands(index), width == kTileWidth ? "" : fmt::format(".p/{}", width));
}

}  // namespace

std::string tile_path(unsigned level, std::uint64_t index, std::uint64_t width) {
  return path(std::to_string(level), index, width);
}

std::string entries_path(std::uint64_t index, std::uint64_t width) { return path("entries", index, width); }

bool is_partial(const std::string& path) { return path.contains(".p/"); }

std::string tile_bytes(std::span<const Hash> hashes) {
  std::string out;
  out.reserve(hashes.size_bytes());
  for (const Hash& hash : hashes) out += bytes_of(hash);
  return out;
}

std::optional<std::vector<Hash>> hashes_in(std::string_view tile) {
  std::vector<Hash> out;
  for (; tile.size() >= sizeof(Hash); tile.remove_prefix(sizeof(Hash))) out.push_back(*hash_of(tile.substr(0, sizeof(Hash))));
  return tile.empty() ? std::optional(std::move(out)) : std::nullopt;
}

void add_entry(std::string& bundle, std::string_view entry) {
  must(entry.size() <= kEntryMax, entry.size());
  bundle += static_cast<char>(entry.size() >> 8);
  bundle += static_cast<char>(entry.size() & 0xff);
  bundle += entry;
}

std::optional<std::vector<std::string_view>> entries_in(std::string_view bundle) {
  std::vector<std::string_view> out;
  auto byte = [&](std::size_t at) { return std::size_t{static_cast<unsigned char>(bundle[at])}; };
  while (bundle.size() >= 2) {
    const std::size_t size = byte(0) << 8 | byte(1);
    if (bundle.size() < 2 + size) return std::nullopt;
    out.push_back(bundle.substr(2, size));
    bundle.remove_prefix(2 + size);
  }
  return bundle.empty() ? std::optional(std::move(out)) : std::nullopt;
}

std::optional<Edge> Edge::at(std::uint64_t size, std::span<const std::vector<Hash>> upper, std::string open) {
  auto entries = entries_in(open);
  if (!entries) return std::nullopt;
  std::vector<std::vector<Hash>> levels(1);
  for (std::string_view entry : *entries) levels[0].push_back(leaf_hash(entry));
  levels.insert(levels.end(), upper.begin(), upper.end());
  auto tree = Tree::at(size, std::move(levels));
  if (!tree) return std::nullopt;
  Edge out;
  out.tree_ = *std::move(tree);
  out.bundle_ = std::move(open);
  return out;
}

void Edge::append(std::string_view entry, Files& full) {
  add_entry(bundle_, entry);
  tree_.append(leaf_hash(entry), [&](unsigned level, std::uint64_t index, std::span<const Hash> hashes) {
    if (level == 0) {
      std::string& bundle = full[entries_path(index)] = std::exchange(bundle_, {});
      bundle_.reserve(bundle.size() + bundle.size() / 8);  // records resemble one another
    }
    full[tile_path(level, index)] = tile_bytes(hashes);
  });
}

void Edge::add_partial(Files& partial) const {
  std::uint64_t index = tree_.size() / kTileWidth;
  if (!bundle_.empty()) partial[entries_path(index, tree_.size() % kTileWidth)] = bundle_;
  for (unsigned level = 0; level < tree_.edge().size(); ++level, index /= kTileWidth)
    if (const auto& hashes = tree_.edge()[level]; !hashes.empty())
      partial[tile_path(level, index, hashes.size())] = tile_bytes(hashes);
}

}  // namespace notaus::audit
