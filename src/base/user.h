// base/user.h: whose command this process is, for the records.
#pragma once

#include <sys/types.h>

#include <optional>

namespace notaus {

// For a process that does what another user asked it for through the control socket. Before anything else.
void act_for(uid_t user);
[[nodiscard]] std::optional<uid_t> acting_for();

[[nodiscard]] uid_t asking_user();  // that one, else our own

}  // namespace notaus
