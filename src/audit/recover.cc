// How a writer takes up a log: where it stands, or anew if it cannot be continued.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "audit/entry.h"
#include "audit/log.h"
#include "base/boot.h"
#include "core/record.h"

namespace notaus::audit {
namespace {

std::string degraded(const std::string& why, const std::string& checkpoint) {
  JsonLine line = core::begin_record("audit_degraded", moment_now(), boot_id());
  line.field("why", why);
  if (!checkpoint.empty()) line.field("checkpoint", checkpoint);
  return line.text();
}

Record unclean_start(std::uint64_t cut_bytes) {
  return {core::begin_record("unclean_start", moment_now(), boot_id()).field("cut_bytes", cut_bytes).text()};
}

// A power cut may have torn any narrower state of the tiles that the segment fills: nothing needs them, and they would look like harm.
void remove_torn(const std::string& directory, const Files& follow) {
  std::error_code error;
  for (const auto& [name, bytes] : follow)
    if (is_partial(name)) std::filesystem::remove_all((std::filesystem::path(directory) / name).parent_path(), error);
}

std::string origin_in(const std::string& note) { return note.substr(0, note.find('\n')); }

// Does the log's first record name this checkpoint as the last one of the log before? Then nobody put it there but its writer, who was
// killed before he had kept a checkpoint of its own elsewhere.
bool follows(const std::string& directory, const Verifier& by, const std::string& last) {
  auto found = read_standing(directory, by, O_RDONLY);
  if (!found || found->edge.tree().size() == 0 || found->edge.tree().size() >= kTileWidth) return false;
  const auto entries = entries_in(found->edge.open_bundle());
  const auto first = entries ? nlohmann::json::parse(entries->front(), nullptr, false) : nlohmann::json();
  return first.is_object() && first.value("checkpoint", "") == last;
}

}  // namespace

// What a log's directory alone cannot tell: that it was removed, or another one put in its place.
std::string Log::why_lost() const {
  auto seen = read_file(place_.seen);
  if (!any_life(place_.directory)) return seen || any_ended(place_.directory) ? "the log was removed" : "";
  auto key = read_file(path("key"));
  if (!key) return key.error().kind == Kind::gone ? "the log's key was removed" : "";
  auto signer = parse_signer(std::string_view(*key).substr(0, key->find('\n')));
  if (!signer) return "the log's key was damaged";
  const bool other = seen && origin_in(*seen) != signer->name && !follows(place_.directory, signer->verifier(), *seen);
  return other ? "another log was put in its place" : "";
}

// A checkpoint that knows more than the segment, or something else: whoever goes on from there would sign a second history.
std::string Log::contradiction(const Standing& found) const {
  const Tree& stands = found.edge.tree();
  for (const std::string& witness : {path("checkpoint"), place_.seen}) {
    auto note = read_file(witness);
    if (note && *note == found.checkpoint) continue;  // the usual case, without a signature to check
    auto seen = note ? open_checkpoint(*note, signer_.verifier()) : std::unexpected(note.error());
    if (seen && (seen->size > stands.size() || (seen->size == stands.size() && seen->root != stands.root())))
      return fmt::format("the log was set back: {} tells of {} records, the log of {}", witness, seen->size, stands.size());
  }
  return {};
}

Result<> Log::take_up() {
  if (std::string why = why_lost(); !why.empty()) return begin(why);
  auto signer = begin_life(place_);
  if (!signer) return std::unexpected(signer.error());
  signer_ = *std::move(signer);
  auto found = read_standing(place_.directory, signer_.verifier(), O_RDWR);
  if (found) {
    std::string why = contradiction(*found);
    return why.empty() ? go_on(*std::move(found)) : begin(why);
  }
  if (!any_life(place_.directory)) return begin({});
  const bool damaged = found.error().kind == Kind::gone || found.error().kind == Kind::broken;
  return damaged ? begin(found.error().what) : std::unexpected(found.error());
}

Result<> Log::go_on(Standing found) {
  segment_ = std::move(found.segment);
  edge_ = std::move(found.edge);
  cursor_ = Cursor::of(found.cursor);
  checkpoint_ = std::move(found.checkpoint);
  const bool rebooted = found.boot != boot_id();
  if (rebooted) remove_torn(place_.directory, found.files);
  if (rebooted || read_file(path("checkpoint")).value_or("") != checkpoint_) {
    unwritten_ = std::move(found.files);
    // Readers trust the files once this boot has appended something, and miss `checkpoint` once anybody has.
    if (auto published = publish(); !published && (rebooted || found.begun)) return published;
  }
  if (segment_->path().ends_with(kCondemned))
    if (auto next = next_segment(); !next) return next;
  return found.cut_bytes == 0 ? Result<>{} : append({unclean_start(found.cut_bytes)});
}

// `why` a log that was there is not continued; empty: there was none. A log that has to say so begins with it: it is never there without,
// not even for a moment.
Result<> Log::begin(const std::string& why) {
  const std::string last = read_file(place_.seen).value_or(read_file(path("checkpoint")).value_or(""));
  if (any_life(place_.directory))
    if (auto ended = end_life(place_.directory); !ended) return ended;
  auto signer = begin_life(place_);
  if (!signer) return std::unexpected(signer.error());
  signer_ = *std::move(signer);
  if (!why.empty()) {
    std::string entry;
    make_entry(entry, 0, json_string(place_.host), degraded(why, last));
    edge_.append(entry, unwritten_);
  }
  edge_.add_partial(unwritten_);
  auto checkpoint = sign_root(edge_.tree());
  if (!checkpoint) return std::unexpected(checkpoint.error());
  checkpoint_ = *std::move(checkpoint);
  for (const std::string& directory : {place_.directory + "/..", place_.directory})
    if (auto synced = sync_directory(directory); !synced) return synced;
  if (auto first = make_segment(1); !first) return first;
  return publish();
}

}  // namespace notaus::audit
