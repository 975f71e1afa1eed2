#include <fmt/format.h>

#include "app/ask_log.h"
#include "app/commands.h"
#include "app/print.h"
#include "audit/life.h"
#include "audit/note.h"
#include "audit/ocsf.h"
#include "audit/search.h"

namespace notaus::app {
namespace {

// Where the last export ended: in a file of the operator's own, a checkpoint on one line, which is a witness of the log, too.
Result<std::uint64_t> begin_at(const std::string& cursor, const audit::Search& log) {
  if (cursor.empty()) return 0;
  auto text = read_file(cursor);
  if (!text && text.error().kind == Kind::gone) return 0;
  if (!text) return std::unexpected(text.error());
  auto ticket = audit::parse_ticket(std::string_view(*text).substr(0, text->find('\n')));
  if (!ticket) return trouble(Kind::broken, cursor + ": not a cursor of an export; remove it to export all of the log");
  if (ticket->key_id != audit::parse_ticket(audit::ticket_text(log.note()))->key_id) {
    warn({fmt::format("{} is of another log, which this one follows: exported from its first record", cursor)});
    return 0;
  }
  if (ticket->size > log.size())
    return trouble(
        Kind::broken,
        fmt::format("{}: {} records were exported, the log has {}: its end was cut off; see `notaus audit verify --since`", cursor,
                    ticket->size, log.size()));
  return ticket->size;
}

}  // namespace

int audit_export_command(const Common& common, const ExportFlags& flags) {
  if (flags.format != "json" && flags.format != "ocsf") return usage(fmt::format("--format {}: it is json or ocsf", flags.format));
  auto place = existing_place(common);
  if (!place) return fail(place.error());
  auto log = fresh_log(*place);
  if (!log) return log.error().kind == Kind::gone ? int{control::kDone} : fail(log.error());
  auto from = begin_at(flags.cursor, *log);
  if (!from) return fail(from.error());
  if (*from < log->first()) warn({fmt::format("records {} to {} were pruned before they were exported", *from, log->first() - 1)});
  auto read = log->each(
      {},
      [&](const std::string& line) {
        say("{}\n", flags.format == "ocsf" ? audit::to_ocsf(line, log->name()) : line);
        return std::ferror(stdout) == 0;
      },
      *from);
  if (!read) return fail(read.error());
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
    return fail({Kind::retry, "not all of it could be written; the cursor stays"});
  if (flags.cursor.empty()) return control::kDone;
  auto kept = audit::put_file(flags.cursor, audit::ticket_text(log->note()) + "\n", audit::Keep::durable);
  return kept ? int{control::kDone} : fail(kept.error());
}

}  // namespace notaus::app
