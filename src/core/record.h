// core/record.h: how every record of the audit log begins, whoever writes it. audit/records.md has what follows in each kind.
#pragma once

#include "base/clock.h"
#include "base/json.h"

namespace notaus::core {

// `boot`: of the kernel whose clock `at` was read from; empty: it tells none, and then the time since boot means nothing.
[[nodiscard]] JsonLine begin_record(std::string_view kind, const Moment& at, std::string_view boot);

}  // namespace notaus::core
