// audit/report.h: a record of the log for people.
#pragma once

#include <string>

namespace notaus::audit {

// One line: "12  2026-11-22T03:12:07.123Z  blocked  acme/mailer email.send  killed: stop_all".
std::string describe(const std::string& line);

std::string time_of(const std::string& line);  // as the record has it

}  // namespace notaus::audit
