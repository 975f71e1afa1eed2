#include "audit/proof.h"

#include <bit>
#include <charconv>

#include <fmt/format.h>

namespace notaus::audit {
namespace {

constexpr std::string_view kFirstLine = "c2sp.org/tlog-proof@v1";

// Hashes of parts of a tree, from its tiles.
class Subtrees {
 public:
  explicit Subtrees(const View& view) : view_(view) {}

  // MTH() over the leaves [from, to), which any RFC 6962 proof asks for.
  Result<Hash> hash(std::uint64_t from, std::uint64_t to) {
    const std::uint64_t size = to - from;
    if (std::has_single_bit(size) && from % size == 0) return perfect(std::countr_zero(size), from / size);
    const std::uint64_t middle = from + std::bit_floor(size - 1);
    auto left = hash(from, middle);
    if (!left) return left;
    auto right = hash(middle, to);
    if (!right) return right;
    return node_hash(*left, *right);
  }

 private:
  Result<Hash> perfect(int height, std::uint64_t index) {
    const auto level = static_cast<unsigned>(height) / 8;
    const std::uint64_t count = std::uint64_t{1} << (height % 8), first = index * count;
    auto tile = view_.tile(level, first / kTileWidth);
    if (!tile) return std::unexpected(tile.error());
    return root_of(std::span(*tile).subspan(first % kTileWidth, count));
  }

  const View& view_;
};

// PATH() of RFC 6962, section 2.1.1: leaf first.
Result<> add_path(Subtrees& trees, std::uint64_t leaf, std::uint64_t from, std::uint64_t to, std::vector<Hash>& path) {
  if (to - from == 1) return {};
  const std::uint64_t middle = from + std::bit_floor(to - from - 1);
  const bool in_left = leaf < middle;
  auto below = in_left ? add_path(trees, leaf, from, middle, path) : add_path(trees, leaf, middle, to, path);
  if (!below) return below;
  auto beside = in_left ? trees.hash(middle, to) : trees.hash(from, middle);
  if (!beside) return std::unexpected(beside.error());
  path.push_back(*beside);
  return {};
}

// RFC 9162, section 2.1.3.2. Nothing: the path has not the length that such a leaf has.
std::optional<Hash> root_from(Hash hash, std::uint64_t leaf, std::uint64_t size, std::span<const Hash> path) {
  std::uint64_t at = leaf, last = size - 1;
  for (const Hash& beside : path) {
    if (last == 0) return std::nullopt;
    if (at % 2 == 1 || at == last) {
      hash = node_hash(beside, hash);
      for (; at % 2 == 0 && at != 0; at /= 2) last /= 2;
    } else {
      hash = node_hash(hash, beside);
    }
    at /= 2;
    last /= 2;
  }
  return last == 0 ? std::optional(hash) : std::nullopt;
}

std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == text.npos ? text.size() : end + 1);
  return line;
}

std::optional<std::string> take_base64(std::string_view& text, std::string_view begins) {
  std::string_view line = take_line(text);
  return line.starts_with(begins) ? from_base64(line.substr(begins.size())) : std::nullopt;
}

std::optional<std::uint64_t> number_in(std::string_view line) {
  constexpr std::string_view kIndex = "index ";
  std::uint64_t out = 0;
  if (!line.starts_with(kIndex)) return std::nullopt;
  line.remove_prefix(kIndex.size());
  std::from_chars(line.data(), line.data() + line.size(), out);
  return std::to_string(out) == line ? std::optional(out) : std::nullopt;
}

}  // namespace

Result<std::string> prove(const View& view, std::uint64_t number) {
  if (number >= view.size())
    return trouble(Kind::gone, fmt::format("the log has {} records, none is number {}", view.size(), number));
  auto entries = view.entries(number / kTileWidth);
  if (!entries) return std::unexpected(entries.error());
  Subtrees trees(view);
  std::vector<Hash> path;
  if (auto made = add_path(trees, number, 0, view.size(), path); !made) return std::unexpected(made.error());
  std::string out = fmt::format("{}\nextra {}\nindex {}\n", kFirstLine, base64((*entries)[number % kTileWidth]), number);
  for (const Hash& hash : path) out += base64(bytes_of(hash)) + "\n";
  out += "\n" + view.note();
  // What a damaged tile makes is no proof, and whoever is given it should not be the first to notice.
  auto checked = check_proof(out, view.by());
  return checked ? Result<std::string>(out) : std::unexpected(checked.error());
}

Result<Proven> check_proof(std::string_view text, const Verifier& by) {
  if (take_line(text) != kFirstLine) return trouble(Kind::broken, "not a tlog-proof");
  auto record = take_base64(text, "extra ");
  if (!record) return trouble(Kind::broken, "the proof does not hold its record");
  auto number = number_in(take_line(text));
  if (!number) return trouble(Kind::broken, "the proof does not say which record");
  std::vector<Hash> path;
  while (!text.empty() && !text.starts_with('\n')) {
    auto hash = take_base64(text, "").and_then([](const std::string& bytes) { return hash_of(bytes); });
    if (!hash || path.size() == 64) return trouble(Kind::broken, "the proof's path is malformed");
    path.push_back(*hash);
  }
  take_line(text);
  auto checkpoint = open_checkpoint(text, by);
  if (!checkpoint) return std::unexpected(checkpoint.error());
  if (*number >= checkpoint->size || root_from(leaf_hash(*record), *number, checkpoint->size, path) != checkpoint->root)
    return trouble(Kind::broken, "the record is not in the log that the checkpoint signs");
  return Proven{*number, *std::move(record), *std::move(checkpoint)};
}

Result<> continues(const View& view, const Ticket& ticket) {
  const Ticket now = ticket_of(view.checkpoint(), view.by());
  if (ticket.key_id != now.key_id)
    return trouble(Kind::broken, fmt::format("it is of another log, that of key {}; this one's is {}", ticket.key_id, now.key_id));
  if (ticket.size > now.size)
    return trouble(Kind::broken, fmt::format("it has seen {} records, the log has {}: its end was cut off", ticket.size, now.size));
  auto root = ticket.size == 0 ? Result<Hash>(root_of({})) : Subtrees(view).hash(0, ticket.size);
  if (!root) return std::unexpected(root.error());
  if (*root != ticket.root)
    return trouble(Kind::broken,
                   fmt::format("the log's first {} records are not those that it has seen: they were rewritten", ticket.size));
  return {};
}

}  // namespace notaus::audit
