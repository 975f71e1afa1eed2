#include "audit/verify.h"

#include <fcntl.h>

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "audit/filter.h"
#include "audit/life.h"

namespace notaus::audit {
namespace {

namespace fs = std::filesystem;
using Verdict = Inspection::Verdict;

struct Fault {
  Verdict verdict;
  std::optional<std::uint64_t> first_bad;
  std::string what;
  bool pruned_meanwhile = false;  // somebody did, so it may be none
};
using Checked = std::expected<void, Fault>;

std::unexpected<Fault> tampered(std::optional<std::uint64_t> first_bad, std::string what) {
  return std::unexpected(Fault{Verdict::tampered, first_bad, std::move(what)});
}

// A file that is gone or holds something else was tampered with; one that cannot be read says nothing.
std::unexpected<Fault> at_file(const Trouble& why, std::optional<std::uint64_t> first_bad = {}) {
  if (why.kind == Kind::gone || why.kind == Kind::broken) return tampered(first_bad, why.what);
  return std::unexpected(Fault{Verdict::unreadable, std::nullopt, why.what});
}

class Inspector {
 public:
  Inspector(const View& view, const Standing& standing, std::optional<Ticket> earlier)
      : view_(view), standing_(standing), earlier_(std::move(earlier)) {}

  Checked inspect() {
    const std::uint64_t known = earlier_ ? earlier_->size : 0;
    if (view_.size() < standing_.base) return tampered(view_.size(), "the checkpoint is older than the write-ahead segment");
    if (known > standing_.edge.tree().size()) return tampered(standing_.edge.tree().size(), "the log was cut off here");
    if (auto good = meet_earlier(); !good) return good;
    for (std::uint64_t index = 0; view_.width(0, index) > 0; ++index)
      if (auto good = check_row(index); !good) return good;
    if (auto good = check_upper_edge(); !good) return good;
    if (tree_.root() != view_.checkpoint().root)
      return tampered(sound_, "the records from here on are not those that the checkpoint signs");
    if (auto good = check_segment(); !good) return good;
    if (pruned_ > told_pruned_) return tampered(told_pruned_, "records from here on were removed, and no record says so");
    return {};
  }

  Inspection sound() const {
    return {.note = view_.note(),
            .checkpoint = view_.checkpoint(),
            .size = tree_.size(),
            .witnessed = earlier_ ? earlier_->size : 0,
            .pruned = pruned_,
            .cut_bytes = standing_.cut_bytes};
  }

 private:
  // A bundle, its row of hashes, and whatever that fills.
  Checked check_row(std::uint64_t index) {
    const std::uint64_t first = index * kTileWidth;
    auto entries = view_.entries(index);
    auto hashes = view_.tile(0, index);
    const bool pruned =
        !entries && entries.error().kind == Kind::gone && first == pruned_ && hashes && hashes->size() == kTileWidth;
    if (pruned) return pass_pruned(*hashes);
    if (!entries) return at_file(entries.error(), first);
    if (!hashes) return at_file(hashes.error(), first);
    for (std::size_t i = 0; i < entries->size(); ++i) {
      const Hash hash = leaf_hash((*entries)[i]);
      if (hash != (*hashes)[i]) return tampered(first + i, "this record is not the one that was logged");
      if (auto good = append(hash); !good) return good;
      hear((*entries)[i]);
    }
    return check_older(index, *entries, *hashes);
  }

  // The first bundles may be gone: what is left of them is their hashes. Whether they were to go is known at the end.
  Checked pass_pruned(const std::vector<Hash>& hashes) {
    for (const Hash& hash : hashes)
      if (auto good = append(hash); !good) return good;
    pruned_ += hashes.size();
    return {};
  }

  void hear(std::string_view entry) {
    if (!entry.contains(R"("kind":"pruned")")) return;
    const auto record = record_of(entry);
    if (text_in(record, "kind") == "pruned") told_pruned_ = std::max(told_pruned_, number_in(record, "upto"));
  }

  Checked append(const Hash& leaf) {
    Checked good;
    tree_.append(leaf, [&](unsigned level, std::uint64_t index, std::span<const Hash> hashes) {
      if (level > 0 && good) good = check_tile(level, index, hashes);
    });
    return good ? meet_earlier() : good;
  }

  Checked check_tile(unsigned level, std::uint64_t index, std::span<const Hash> made) {
    auto found = view_.tile(level, index);
    const std::uint64_t first = index << (8 * (level + 1));
    if (!found) return at_file(found.error(), first);
    auto differ = std::ranges::mismatch(*found, made);
    if (differ.in1 == found->end() && differ.in2 == made.end()) return check_older(level, index, made);
    const auto at = static_cast<std::uint64_t>(differ.in1 - found->begin());
    return tampered(first + (at << (8 * level)),
                    tile_path(level, index, made.size()) + ": these hashes are not those of the records");
  }

  Checked check_upper_edge() {
    for (unsigned level = 1; level < tree_.edge().size(); ++level)
      if (const auto& made = tree_.edge()[level]; !made.empty())
        if (auto good = check_tile(level, tree_.size() >> (8 * (level + 1)), made); !good) return good;
    return {};
  }

  // Earlier, narrower states of a tile may lie beside it.
  Checked check_older(const std::string& full, std::uint64_t first, const std::function<std::string(std::uint64_t)>& beginning) {
    if (view_.rebuilt()) return {};  // torn they are no sign of a hand
    std::error_code error;
    for (const auto& file : fs::directory_iterator(view_.directory() + "/" + full + ".p", error)) {
      const std::string name = file.path().filename().string();
      const std::uint64_t width = std::strtoull(name.c_str(), nullptr, 10);
      const std::string made = std::to_string(width) == name ? beginning(width) : "";
      if (made.empty()) continue;  // a draft, or of a later checkpoint than this
      if (auto bytes = read_file(file.path().string()); bytes && *bytes != made)
        return tampered(first, file.path().string() + ": not what was logged");
    }
    return {};
  }

  Checked check_older(unsigned level, std::uint64_t index, std::span<const Hash> made) {
    return check_older(tile_path(level, index), index << (8 * (level + 1)),
                       [&](std::uint64_t width) { return width <= made.size() ? tile_bytes(made.first(width)) : std::string(); });
  }

  Checked check_older(std::uint64_t index, const std::vector<std::string>& entries, const std::vector<Hash>& hashes) {
    auto bundle = [&](std::uint64_t width) {
      std::string out;
      for (std::uint64_t i = 0; i < width && width <= entries.size(); ++i) add_entry(out, entries[i]);
      return out;
    };
    if (auto good = check_older(entries_path(index), index * kTileWidth, bundle); !good) return good;
    return check_older(0, index, hashes);
  }

  Checked meet_earlier() {
    if (!earlier_ || tree_.size() != earlier_->size) return {};
    if (tree_.root() != earlier_->root)
      return tampered(0, "a record before the earlier checkpoint was changed, removed or inserted");
    sound_ = tree_.size();
    return {};
  }

  // What the write-ahead segment has and the tiles have not yet; together they must come to the root that it signs.
  Checked check_segment() {
    for (std::uint64_t at = tree_.size(); at < standing_.edge.tree().size(); at = tree_.size()) {
      const std::uint64_t index = at / kTileWidth;
      const std::uint64_t width = std::min(kTileWidth, standing_.edge.tree().size() - index * kTileWidth);
      auto bundle = standing_.files.find(entries_path(index, width));
      auto entries = bundle == standing_.files.end() ? std::nullopt : entries_in(bundle->second);
      if (!entries || entries->size() != width) return tampered(at, "the write-ahead segment lacks this record");
      for (std::string_view entry : std::span(*entries).subspan(at % kTileWidth)) {
        tree_.append(leaf_hash(entry));
        hear(entry);
        if (auto good = meet_earlier(); !good) return good;
      }
    }
    if (tree_.root() == standing_.edge.tree().root()) return {};
    return tampered(sound_, "the write-ahead segment has other records than the tiles");
  }

  const View& view_;
  const Standing& standing_;
  std::optional<Ticket> earlier_;
  Tree tree_;
  std::uint64_t pruned_ = 0, told_pruned_ = 0;  // records, from the first one
  std::uint64_t sound_ = 0;  // so many records are those that an earlier checkpoint knew
};

std::expected<std::optional<Ticket>, Fault> earlier_one(const std::string& text, const Verifier& by) {
  if (text.empty()) return std::nullopt;
  if (auto ticket = parse_ticket(text); ticket && ticket->key_id == ticket_of({}, by).key_id) return ticket;
  auto opened = open_checkpoint(text, by);
  if (opened) return ticket_of(*opened, by);
  return tampered(0,
                  "this is not the log that signed the earlier checkpoint, or that checkpoint is damaged: " + opened.error().what);
}

std::expected<Inspection, Fault> inspect(const std::string& directory, const std::string& earlier) {
  if (!any_life(directory) && earlier.empty())
    return std::unexpected(Fault{Verdict::unreadable, {}, directory + ": no log is there"});
  auto view = View::open(directory);
  if (!view) return at_file(view.error());
  auto known = earlier_one(earlier, view->by());
  if (!known) return std::unexpected(known.error());
  if (!view->standing()) return at_file(view->standing().error());
  const std::uint64_t first = view->first_bundle();
  Inspector inspector(*view, *view->standing(), *known);
  auto checked = inspector.inspect();
  if (checked) return inspector.sound();
  checked.error().pruned_meanwhile = view->first_bundle() != first;
  return std::unexpected(checked.error());
}

// Two of these are the same if no writer was at it meanwhile.
std::pair<std::string, std::vector<std::string>> moment(const std::string& directory) {
  return {read_file(directory + "/checkpoint").value_or(""), list_segments(directory).value_or(std::vector<std::string>())};
}

}  // namespace

Inspection verify(const std::string& directory, const std::string& earlier) {
  constexpr int kTries = 10;
  for (int tries = 1;; ++tries) {
    const auto before = moment(directory);
    auto found = inspect(directory, earlier);
    if (found) return *std::move(found);
    const bool still = before == moment(directory) && !found.error().pruned_meanwhile;
    if (still || tries == kTries)
      return {.verdict = found.error().verdict, .first_bad = found.error().first_bad, .what = std::move(found.error().what)};
  }
}

}  // namespace notaus::audit
