// audit/note.h: signed notes and checkpoints, to the letter of c2sp.org/signed-note and c2sp.org/tlog-checkpoint.
#pragma once

#include "audit/crypto.h"

namespace notaus::audit {

// Who signs: "<name>+<id>+<base64(type, public key)>", the vkey that others verify with.
struct Verifier {
  std::string name;
  Hash public_key;
  [[nodiscard]] std::string id() const;  // 4 bytes
  [[nodiscard]] std::string vkey() const;
  bool operator==(const Verifier&) const = default;
};
Result<Verifier> parse_vkey(std::string_view text);

struct Signer {
  std::string name;
  SigningKey key;
  [[nodiscard]] Verifier verifier() const { return {name, key.public_key}; }
  [[nodiscard]] std::string text() const;  // "PRIVATE+KEY+<name>+…", as golang.org/x/mod/sumdb/note writes it
};
Result<Signer> parse_signer(std::string_view text);

// `text` ends with a newline; so does the note.
Result<std::string> sign_note(const Signer& signer, const std::string& text);

// Its text, if `by` has signed it; signatures of others are passed over. broken: it is no note, or not so signed.
Result<std::string> open_note(std::string_view note, const Verifier& by);

struct Checkpoint {
  std::string origin;
  std::uint64_t size = 0;
  Hash root{};
  [[nodiscard]] std::string text() const;
  bool operator==(const Checkpoint&) const = default;
};
Result<Checkpoint> open_checkpoint(std::string_view note, const Verifier& by);

// A checkpoint on one line, for a person to write down: "SIZE ROOT KEYID". It is enough to find out later that a log was rewritten.
struct Ticket {
  std::uint64_t size = 0;
  Hash root{};
  std::string key_id = {};  // 8 hex digits
  [[nodiscard]] std::string text() const;
};
Ticket ticket_of(const Checkpoint& checkpoint, const Verifier& by);
std::string ticket_text(const std::string& note);  // of a checkpoint of ours; empty: it is none
std::optional<Ticket> parse_ticket(std::string_view text);

}  // namespace notaus::audit
