#include <expected>

#include <fmt/format.h>

#include "app/ask_log.h"
#include "app/commands.h"
#include "app/print.h"
#include "audit/life.h"
#include "audit/note.h"
#include "audit/ocsf.h"
#include "audit/proof.h"
#include "audit/search.h"

namespace notaus::app {
namespace {

constexpr std::size_t kCursorMax = 4096;

int exchanged(const std::string& cursor, const std::string& why) {
  warn({fmt::format(
      "{}: {}. Nothing is exported; see `notaus audit verify --since {}`. Once that is understood, remove the cursor to "
      "export all of the log",
      cursor, why, cursor)});
  return control::kTampered;
}

// Where the last export ended: in a file of the operator's own, a checkpoint on one line, which is a witness of the log, too. Else the exit
// code: whoever collects must not go on as if nothing were the matter.
std::expected<std::uint64_t, int> begin_at(const std::string& cursor, const Result<audit::Search>& log) {
  if (cursor.empty()) return 0;
  auto text = read_file(cursor, kCursorMax);
  if (!text && text.error().kind == Kind::gone) return 0;
  if (!text) return std::unexpected(fail(text.error()));
  auto ticket = audit::parse_ticket(std::string_view(*text).substr(0, text->find('\n')));
  if (!ticket)
    return std::unexpected(fail({Kind::broken, cursor + ": not a cursor of an export; remove it to export all of the log"}));
  if (!log) return std::unexpected(exchanged(cursor, fmt::format("it has seen {} records, and no log is there", ticket->size)));
  auto same = audit::continues(log->view(), *ticket);
  if (!same) return std::unexpected(same.error().kind == Kind::broken ? exchanged(cursor, same.error().what) : fail(same.error()));
  return ticket->size;
}

}  // namespace

int audit_export_command(const Common& common, const ExportFlags& flags) {
  if (flags.format != "json" && flags.format != "ocsf") return usage(fmt::format("--format {}: it is json or ocsf", flags.format));
  auto place = existing_place(common);
  if (!place) return fail(place.error());
  auto log = fresh_log(*place);
  if (!log && log.error().kind != Kind::gone) return fail(log.error());
  auto from = begin_at(flags.cursor, log);
  if (!from) return from.error();
  if (!log) return control::kDone;
  std::uint64_t exported = 0;
  auto read = log->each(
      {},
      [&](const std::string& line) {
        ++exported;
        say("{}\n", flags.format == "ocsf" ? audit::to_ocsf(line, log->name()) : line);
        return std::ferror(stdout) == 0;
      },
      *from);
  if (!read) return fail(read.error());
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
    return fail({Kind::retry, "not all of it could be written; the cursor stays"});
  if (const std::uint64_t lost = log->size() - *from - exported; lost > 0)
    warn({fmt::format("{} of the records from {} on were pruned before they were exported", lost, *from)});
  if (flags.cursor.empty()) return control::kDone;
  auto kept = audit::put_file(flags.cursor, audit::ticket_text(log->note()) + "\n", audit::Keep::durable);
  return kept ? int{control::kDone} : fail(kept.error());
}

}  // namespace notaus::app
