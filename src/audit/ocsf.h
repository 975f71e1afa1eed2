// audit/ocsf.h: a record in the words of the Open Cybersecurity Schema Framework, which what collects events of many products reads.
#pragma once

#include <string>

namespace notaus::audit {

// One JSON object of version 1.3.0 on one line: a call or an operator's act is API Activity (6003), what the log says of itself a Base
// Event (0). Nothing is left out: what OCSF has no field for stands in `unmapped`. `origin`: the log's name.
std::string to_ocsf(const std::string& line, const std::string& origin);

}  // namespace notaus::audit
