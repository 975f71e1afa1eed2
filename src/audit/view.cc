#include "audit/view.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "base/boot.h"

namespace notaus::audit {

Result<View> View::open(const std::string& directory) {
  auto vkey = read_file(directory + "/vkey");
  if (!vkey) return std::unexpected(vkey.error());
  if (!vkey->ends_with('\n')) return trouble(Kind::broken, directory + "/vkey: cut off");
  auto by = parse_vkey(std::string_view(*vkey).substr(0, vkey->size() - 1));
  if (!by) return std::unexpected(by.error().in(directory + "/vkey"));
  auto note = read_file(directory + "/checkpoint");  // before the segment, which is never older then
  View out(directory, *by, read_standing(directory, *by, O_RDONLY));
  const bool unpublished = !note && note.error().kind == Kind::gone && out.standing_ && out.standing_->begun;
  out.rebuilt_ = unpublished || (out.standing_ && out.standing_->boot != boot_id());
  if (out.rebuilt_) note = out.standing_->checkpoint;
  if (!note) return std::unexpected(note.error());
  auto checkpoint = open_checkpoint(*note, out.by_);
  if (!checkpoint) return std::unexpected(checkpoint.error().in(directory + "/checkpoint"));
  out.note_ = *std::move(note);
  out.checkpoint_ = *std::move(checkpoint);
  return out;
}

std::uint64_t View::width(unsigned level, std::uint64_t index) const {
  const std::uint64_t hashes = level < 8 ? size() >> (8 * level) : 0;
  return hashes <= index * kTileWidth ? 0 : std::min(kTileWidth, hashes - index * kTileWidth);
}

std::uint64_t View::first_bundle() const {
  auto there = [&](std::uint64_t bundle) {
    return access((directory_ + "/" + entries_path(bundle)).c_str(), F_OK) == 0 || width(0, bundle) < kTileWidth ||
           (rebuilt_ && standing_->files.contains(entries_path(bundle)));
  };
  std::uint64_t bundle = 0;
  while (!there(bundle)) ++bundle;
  return bundle;
}

Result<std::string> View::file(const std::string& narrow, const std::string& full) const {
  if (rebuilt_)
    for (const std::string& path : {narrow, full})
      if (auto found = standing_->files.find(path); found != standing_->files.end()) return found->second;
  auto bytes = read_file(directory_ + "/" + narrow);
  if (!bytes && bytes.error().kind == Kind::gone && narrow != full) bytes = read_file(directory_ + "/" + full);
  return bytes ? bytes : std::unexpected(unreadable(bytes.error()));
}

namespace {

// A wider row than was promised is a later state of it; between that and the full one nothing is left lying under a full one's name.
bool fits(std::size_t found, std::uint64_t promised) { return found == promised || found == kTileWidth; }

}  // namespace

Result<std::vector<Hash>> View::tile(unsigned level, std::uint64_t index) const {
  auto bytes = file(tile_path(level, index, width(level, index)), tile_path(level, index));
  if (!bytes) return std::unexpected(bytes.error());
  auto hashes = hashes_in(*bytes);
  if (!hashes || !fits(hashes->size(), width(level, index)))
    return trouble(Kind::broken, tile_path(level, index) + ": not such a tile");
  hashes->resize(width(level, index));
  return *hashes;
}

Result<std::vector<std::string>> View::entries(std::uint64_t index) const {
  auto bytes = file(entries_path(index, width(0, index)), entries_path(index));
  if (!bytes) return std::unexpected(bytes.error());
  auto entries = entries_in(*bytes);
  if (!entries || !fits(entries->size(), width(0, index)))
    return trouble(Kind::broken, entries_path(index) + ": not such a bundle");
  return std::vector<std::string>(entries->begin(), entries->begin() + static_cast<std::ptrdiff_t>(width(0, index)));
}

Result<std::vector<std::string>> read_log(const std::string& directory) {
  auto view = View::open(directory);
  if (!view && view.error().kind == Kind::gone) return std::vector<std::string>{};
  if (!view) return std::unexpected(view.error());
  std::vector<std::string> out;
  for (std::uint64_t index = 0; view->width(0, index) > 0; ++index) {
    auto entries = view->entries(index);
    if (!entries) return std::unexpected(entries.error());
    std::ranges::move(*entries, std::back_inserter(out));
  }
  return out;
}

}  // namespace notaus::audit
