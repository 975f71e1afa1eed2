// app/ask_log.h: what the commands that ask the audit log have in common.
#pragma once

#include <string>

#include "app/site.h"
#include "audit/search.h"

namespace notaus::app {

// "10m", "2h", "3d" ago, or a time, as the log writes it. `flag`: for the message.
Result<std::string> time_of(const char* flag, const std::string& text);

// This host's log, after what has been spooled so far is drained, so that it is as new as it can be; if somebody else is at it, that is as
// good. gone: there is none.
Result<audit::Search> fresh_log(const Place& place);

}  // namespace notaus::app
