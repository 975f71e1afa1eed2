// audit/life.h: one life of a log: its key, its name, and its end. A life that cannot be continued is kept as evidence, and another
// begins, under another name and another key, with the reason as its first record.
#pragma once

#include "audit/note.h"

namespace notaus::audit {

// Whose log, and where.
struct Place {
  std::string directory;  // STATE/log
  std::string host, fleet;
  std::string seen;  // a file elsewhere, in which the log's last checkpoint is kept: what its directory alone cannot forget
};

// Makes what is not there yet of directory and key. broken: the key there is none.
Result<Signer> begin_life(const Place& place);

// Is anything of a log there? Of one that was ended?
bool any_life(const std::string& directory);
bool any_ended(const std::string& directory);

// Moves all of it to log/ended-…, without its key, so that nobody can add to it.
Result<> end_life(const std::string& directory);

// Whole or not at all, for every reader; durable only if asked for. gone: its directory is not there.
enum class Keep { as_it_comes, durable };
Result<> put_file(const std::string& path, std::string_view bytes, Keep keep);

}  // namespace notaus::audit
