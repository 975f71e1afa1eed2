#include "audit/note.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include <fmt/format.h>

#include "base/utf8.h"

namespace notaus::audit {
namespace {

constexpr std::string_view kEd25519 = "\x01";
constexpr std::string_view kDash = "\xe2\x80\x94 ";  // em dash, space
constexpr std::string_view kPrivate = "PRIVATE+KEY+";

std::string hex(std::string_view bytes) {
  std::string out;
  for (unsigned char byte : bytes) out += fmt::format("{:02x}", byte);
  return out;
}

// Two keys' names differ in their bytes alone, so nothing in them may look like something else.
bool good_name(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) { return c > 0x20 && c < 0x7f && c != '+'; });
}

// "NAME+ID+BASE64" with the id and the 32 bytes behind the type.
struct KeyText {
  std::string_view name, id;
  Hash bytes;
};
std::optional<KeyText> split_key(std::string_view text) {
  const std::size_t first = text.find('+'), second = text.find('+', first + 1);
  if (first == text.npos || second == text.npos) return std::nullopt;
  auto key = from_base64(text.substr(second + 1));
  if (!key || !key->starts_with(kEd25519)) return std::nullopt;
  auto bytes = hash_of(key->substr(1));
  if (!bytes || !good_name(text.substr(0, first))) return std::nullopt;
  return KeyText{text.substr(0, first), text.substr(first + 1, second - first - 1), *bytes};
}

// Every byte a note may have: UTF-8 without control characters but the newline.
bool good_text(std::string_view text) {
  for (std::size_t size; !text.empty(); text.remove_prefix(size))
    if (size = utf8_length(text); size == 0 || (static_cast<unsigned char>(text[0]) < 0x20 && text[0] != '\n')) return false;
  return true;
}

std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(text.size(), line.size() + 1));
  return line;
}

}  // namespace

std::string Verifier::id() const {
  return std::string(bytes_of(sha256(name + "\n" + std::string(kEd25519), bytes_of(public_key))).substr(0, 4));
}

std::string Verifier::vkey() const {
  return fmt::format("{}+{}+{}", name, hex(id()), base64(std::string(kEd25519) + std::string(bytes_of(public_key))));
}

Result<Verifier> parse_vkey(std::string_view text) {
  auto key = split_key(text);
  if (!key) return trouble(Kind::broken, "no vkey of an Ed25519 key");
  Verifier out{std::string(key->name), key->bytes};
  if (out.vkey() != text) return trouble(Kind::broken, "a vkey whose id is not its key's");
  return out;
}

std::string Signer::text() const {
  const std::string secret = std::string(kEd25519) + std::string(bytes_of(key.seed));
  return fmt::format("{}{}+{}+{}", kPrivate, name, hex(verifier().id()), base64(secret));
}

Result<Signer> parse_signer(std::string_view text) {
  auto key = text.starts_with(kPrivate) ? split_key(text.substr(kPrivate.size())) : std::nullopt;
  if (!key) return trouble(Kind::broken, "no Ed25519 key");
  auto pair = signing_key(key->bytes);
  if (!pair) return std::unexpected(pair.error());
  Signer out{std::string(key->name), *pair};
  if (out.text() != text) return trouble(Kind::broken, "a key whose id is not its own");
  return out;
}

Result<std::string> sign_note(const Signer& signer, const std::string& text) {
  auto signature = sign(signer.key, text);
  if (!signature) return signature;
  return fmt::format("{}\n{}{} {}\n", text, kDash, signer.name, base64(signer.verifier().id() + *signature));
}

Result<std::string> open_note(std::string_view note, const Verifier& by) {
  const std::size_t blank = note.rfind("\n\n");
  if (blank == note.npos || !note.ends_with('\n') || !good_text(note)) return trouble(Kind::broken, "not a signed note");
  const std::string_view text = note.substr(0, blank + 1);
  bool found = false;
  for (std::string_view lines = note.substr(blank + 2); !lines.empty();) {
    std::string_view line = take_line(lines);
    const std::size_t space = line.rfind(' ');
    auto bytes = line.starts_with(kDash) && space > kDash.size() ? from_base64(line.substr(space + 1)) : std::nullopt;
    if (!bytes || bytes->size() < 5) return trouble(Kind::broken, "a malformed signature line");
    if (line.substr(kDash.size(), space - kDash.size()) != by.name || bytes->substr(0, 4) != by.id()) continue;
    if (!is_signed(by.public_key, text, bytes->substr(4))) return trouble(Kind::broken, "the signature does not verify");
    found = true;
  }
  if (!found) return trouble(Kind::broken, fmt::format("not signed by {}", by.vkey()));
  return std::string(text);
}

std::string Checkpoint::text() const { return fmt::format("{}\n{}\n{}\n", origin, size, base64(bytes_of(root))); }

Result<Checkpoint> open_checkpoint(std::string_view note, const Verifier& by) {
  auto text = open_note(note, by);
  if (!text) return std::unexpected(text.error());
  std::string_view rest = *text;
  Checkpoint out;
  out.origin = take_line(rest);
  const std::string_view size = take_line(rest);
  auto root = from_base64(take_line(rest)).and_then([](const std::string& bytes) { return hash_of(bytes); });
  std::from_chars(size.data(), size.data() + size.size(), out.size);
  out.root = root.value_or(Hash{});
  // Written again it must be the same text, so no second form of a number and no extension line is one of ours.
  if (!root || out.text() != *text) return trouble(Kind::broken, "not a checkpoint");
  if (out.origin != by.name) return trouble(Kind::broken, fmt::format("a checkpoint of {}, signed as {}", out.origin, by.name));
  return out;
}

std::string Ticket::text() const { return fmt::format("{} {} {}", size, base64(bytes_of(root)), key_id); }

Ticket ticket_of(const Checkpoint& checkpoint, const Verifier& by) { return {checkpoint.size, checkpoint.root, hex(by.id())}; }

std::string ticket_text(const std::string& note) {
  std::string_view rest = note;
  take_line(rest);
  const std::string_view size = take_line(rest), root = take_line(rest),
                         line = note.empty() ? "" : rest.substr(0, rest.rfind('\n'));
  auto signature = from_base64(line.substr(line.rfind(' ') + 1));
  return signature && signature->size() > 4 ? fmt::format("{} {} {}", size, root, hex(std::string_view(*signature).substr(0, 4)))
                                            : "";
}

std::optional<Ticket> parse_ticket(std::string_view text) {
  const std::size_t first = text.find(' '), second = text.find(' ', first + 1);
  if (first == text.npos || second == text.npos) return std::nullopt;
  Ticket out{.key_id = std::string(text.substr(second + 1))};
  std::from_chars(text.data(), text.data() + first, out.size);
  auto root =
      from_base64(text.substr(first + 1, second - first - 1)).and_then([](const std::string& bytes) { return hash_of(bytes); });
  out.root = root.value_or(Hash{});
  const bool good_id = out.key_id.size() == 8 && out.key_id.find_first_not_of("0123456789abcdef") == out.key_id.npos;
  return root && good_id && out.text() == text ? std::optional(out) : std::nullopt;
}

}  // namespace notaus::audit
