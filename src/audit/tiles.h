// audit/tiles.h: the log's files as c2sp.org/tlog-tiles names and fills them; any web server may serve them as they lie there.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "audit/tree.h"

namespace notaus::audit {

// A row of up to 256 hashes or entries. `width` 256: a full one.
std::string tile_path(unsigned level, std::uint64_t index, std::uint64_t width = kTileWidth);
std::string entries_path(std::uint64_t index, std::uint64_t width = kTileWidth);
bool is_partial(const std::string& path);

std::string tile_bytes(std::span<const Hash> hashes);
std::optional<std::vector<Hash>> hashes_in(std::string_view tile);

// Entry bundles: each entry behind its length, two bytes, big-endian.
constexpr std::size_t kEntryMax = 65'535;
void add_entry(std::string& bundle, std::string_view entry);
std::optional<std::vector<std::string_view>> entries_in(std::string_view bundle);  // views into it

// Where a log grows: its tree's right edge and the bundle that is not full yet. What is appended comes out as files.
using Files = std::map<std::string, std::string>;  // path -> contents

class Edge {
 public:
  Edge() = default;
  // `upper`: of the levels above the leaves; `open`: the bundle that is not full yet. Nothing: they do not make `size` entries.
  static std::optional<Edge> at(std::uint64_t size, std::span<const std::vector<Hash>> upper, std::string open);

  void append(std::string_view entry, Files& full);  // adds to `full` the tiles and the bundle that this entry fills
  void add_partial(Files& partial) const;            // the tiles that are not full, and the bundle

  [[nodiscard]] const Tree& tree() const { return tree_; }
  [[nodiscard]] const std::string& open_bundle() const { return bundle_; }

 private:
  Tree tree_;
  std::string bundle_;
};

}  // namespace notaus::audit
