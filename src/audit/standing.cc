#include "audit/standing.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

namespace notaus::audit {
namespace {

std::optional<Edge> beginning(const Frame& first) {
  std::vector<std::vector<Hash>> upper;
  for (const std::string& tile : first.upper) {
    auto hashes = hashes_in(tile);
    if (!hashes) return std::nullopt;
    upper.push_back(*std::move(hashes));
  }
  return Edge::at(first.size, upper, first.entries);
}

bool signs(const std::string& checkpoint, const Verifier& by, const Tree& tree) {
  auto opened = open_checkpoint(checkpoint, by);
  return opened && opened->size == tree.size() && opened->root == tree.root();
}

// Of the signed roots the last one tells all: another beginning, another entry or another order would make another.
Result<Standing> replay(Segment::Found found, const Verifier& by) {
  const Trouble damaged{Kind::broken, found.segment.path() + ": it does not come to the root that it signs"};
  auto edge = beginning(found.frames.front());
  if (!edge) return std::unexpected(damaged);
  const bool begun = found.frames.size() == 1 && number_of(found.segment.path()) == 1;
  Standing out{.segment = std::move(found.segment), .base = edge->tree().size(), .cut_bytes = found.cut_bytes, .begun = begun};
  for (const Frame& frame : std::span(found.frames).subspan(1)) {
    auto entries = entries_in(frame.entries);
    if (!entries || edge->tree().size() + entries->size() != frame.size) return std::unexpected(damaged);
    for (std::string_view entry : *entries) edge->append(entry, out.files);
  }
  const Frame& last = found.frames.back();
  if (!signs(last.checkpoint, by, edge->tree())) return std::unexpected(damaged);
  edge->add_partial(out.files);
  out.edge = *std::move(edge);
  out.checkpoint = last.checkpoint;
  out.cursor = last.cursor;
  out.boot = last.boot;
  return out;
}

}  // namespace

std::string segments_in(const std::string& directory) { return directory + "/wal"; }

std::string segment_path(const std::string& directory, std::uint64_t number) {
  return fmt::format("{}/{:012}", segments_in(directory), number);
}

std::uint64_t number_of(const std::string& segment) {
  return std::strtoull(std::filesystem::path(segment).filename().c_str(), nullptr, 10);
}

Result<std::vector<std::string>> list_segments(const std::string& directory) {
  std::vector<std::string> out;
  std::error_code error;
  for (std::filesystem::directory_iterator file(segments_in(directory), error), end; !error && file != end; file.increment(error))
    out.push_back(file->path().string());
  if (error) return std::unexpected(unreadable(os_trouble(segments_in(directory), error.value())));
  std::ranges::sort(out, std::greater());
  return out;
}

// A second one is there only if a writer died between making the next segment and removing the one before: if it died while making it,
// the one before still says all.
Result<Standing> read_standing(const std::string& directory, const Verifier& by, int flags) {
  auto segments = list_segments(directory);
  if (!segments) return std::unexpected(segments.error());
  Result<Segment::Found> found = trouble(Kind::gone, segments_in(directory) + ": there is no segment");
  for (const std::string& path : *segments) {
    found = Segment::open(path, flags);
    if (found) return replay(*std::move(found), by);
    if (found.error().kind == Kind::retry) break;  // it may be the one that counts
  }
  return std::unexpected(found.error());
}

}  // namespace notaus::audit
