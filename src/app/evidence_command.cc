#include <charconv>

#include <fmt/format.h>

#include "app/commands.h"
#include "app/print.h"
#include "audit/proof.h"
#include "audit/verify.h"

namespace notaus::app {
namespace {

using audit::Inspection;

// What is given is a file's name, or the text itself.
std::string text_or_file(const std::string& given) { return given.empty() ? given : read_file(given).value_or(given); }

// As `notaus stop` prints it on one line, its checkpoint as a note, or its whole answer with --json.
// Empty: it has none, as the answer of a stop whose record was not durable yet.
std::string checkpoint_in(const std::string& given) {
  std::string text = text_or_file(given);
  if (const Json answer = Json::parse(text, nullptr, false); answer.is_object()) {
    const auto checkpoint = answer.find("checkpoint");
    text = checkpoint != answer.end() && checkpoint->is_string() ? checkpoint->get<std::string>() : "";
  }
  const bool is_note = text.find('\n') < text.find_last_not_of('\n');
  text.erase(text.find_last_not_of("\n ") + 1);
  return is_note ? text + "\n" : text;
}

Result<std::string> log_directory(const Common& common, const EvidenceFlags& flags) {
  if (!flags.log.empty()) return flags.log;
  auto place = existing_place(common);
  if (!place) return std::unexpected(place.error());
  return place->site.state.log();
}

Result<audit::Verifier> verifier(const Common& common, const EvidenceFlags& flags) {
  std::string given = flags.vkey;
  if (given.empty()) {
    auto log = log_directory(common, flags);
    if (!log) return std::unexpected(log.error());
    given = *log + "/vkey";
  }
  std::string text = text_or_file(given);
  text.erase(text.find_last_not_of('\n') + 1);
  auto parsed = audit::parse_vkey(text);
  return parsed ? parsed : std::unexpected(parsed.error().in("--vkey " + given));
}

int exit_of(const Inspection& found, const EvidenceFlags& flags) {
  if (found.verdict == Inspection::Verdict::tampered) return control::kTampered;
  if (found.verdict == Inspection::Verdict::unreadable) return control::kFailed;
  return flags.require_witness && found.witnessed < found.size ? control::kNotConfirmed : control::kDone;
}

const char* word(Inspection::Verdict verdict) {
  switch (verdict) {
    case Inspection::Verdict::sound: return "sound";
    case Inspection::Verdict::tampered: return "tampered";
    case Inspection::Verdict::unreadable: return "unreadable";
  }
  return "";
}

Json to_json(const Inspection& found, int exit) {
  auto or_null = [](const auto& value, bool there) { return there ? Json(value) : Json(nullptr); };
  const bool sound = found.verdict == Inspection::Verdict::sound;
  return {{"schema", 1},
          {"exit", exit},
          {"verdict", word(found.verdict)},
          {"first_bad", or_null(found.first_bad.value_or(0), found.first_bad.has_value())},
          {"what", or_null(found.what, !sound)},
          {"origin", or_null(found.checkpoint.origin, sound)},
          {"size", or_null(found.size, sound)},
          {"witnessed", or_null(found.witnessed, sound)},
          {"pruned", or_null(found.pruned, sound)},
          {"checkpoint", or_null(found.note, sound)}};
}

void print_sound(const Inspection& found, const EvidenceFlags& flags) {
  if (found.cut_bytes > 0) say("a write of {} bytes was cut off; it was never acknowledged\n", found.cut_bytes);
  if (found.pruned > 0) say("the first {} records were pruned, as the log says; their hashes are sound\n", found.pruned);
  if (!flags.earlier) say("without --since CHECKPOINT: that its end was cut off, or all of it exchanged, cannot be known\n");
  say("checkpoint: {}\n", audit::ticket_text(found.note));
  const std::string since = !flags.earlier ? "" : fmt::format(", the first {} as the earlier checkpoint has them", found.witnessed);
  say("sound: {} records of {}{}\n", found.size, shown(found.checkpoint.origin), since);
}

int verify_log(const Common& common, const EvidenceFlags& flags, Output output) {
  const std::string since = checkpoint_in(flags.earlier.value_or(""));
  if (flags.earlier && since.empty())
    return usage(
        "--since: no checkpoint is in it; what is wanted is the one that `notaus stop` printed (its answer has none while audit is "
        "pending)");
  auto log = log_directory(common, flags);
  if (!log) return fail(log.error(), output, to_json(Inspection{.verdict = Inspection::Verdict::unreadable}, control::kFailed));
  const Inspection found = audit::verify(*log, since);
  const int exit = exit_of(found, flags);
  if (output == Output::json)
    say("{}\n", dump(to_json(found, exit)));
  else if (found.verdict == Inspection::Verdict::sound)
    print_sound(found, flags);
  else if (found.first_bad)
    say("TAMPERED: from record {}: {}\n", *found.first_bad, shown(found.what));
  else
    say("{}: {}\n", exit == control::kTampered ? "TAMPERED" : "unreadable", shown(found.what));
  return exit;
}

int verify_proof(const Common& common, const EvidenceFlags& flags, Output output) {
  auto by = verifier(common, flags);
  if (!by) return fail(by.error());
  auto text = read_file(flags.proof);
  if (!text) return fail(text.error());
  auto proven = audit::check_proof(*text, *by);
  if (!proven) {
    warn({flags.proof + ": " + proven.error().what});
    return control::kTampered;
  }
  say("{}\n", output == Output::json ? proven->record : shown(proven->record));
  if (output == Output::text)
    say("proven: record {} of the {} of {}\n", proven->number, proven->checkpoint.size, shown(proven->checkpoint.origin));
  return control::kDone;
}

}  // namespace

int audit_verify_command(const Common& common, const EvidenceFlags& flags, Output output) {
  return flags.proof.empty() ? verify_log(common, flags, output) : verify_proof(common, flags, output);
}

int audit_prove_command(const Common& common, const EvidenceFlags& flags) {
  std::uint64_t number = 0;
  const std::string& text = flags.number;
  if (auto read = std::from_chars(text.data(), text.data() + text.size(), number);
      read.ptr != text.data() + text.size() || read.ec != std::errc())
    return usage(fmt::format("{}: a record's number is meant, as `notaus audit list` shows it", shown(text)));
  auto log = log_directory(common, flags);
  if (!log) return fail(log.error());
  auto view = audit::View::open(*log);
  if (!view) return fail(view.error());
  auto proof = audit::prove(*view, number);
  if (!proof) return fail(proof.error());
  say_as_is(stdout, *proof);
  return control::kDone;
}

}  // namespace notaus::app
