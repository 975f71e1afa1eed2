#include "base/user.h"

#include <unistd.h>

namespace notaus {
namespace {

std::optional<uid_t> another;

}  // namespace

void act_for(uid_t user) { another = user; }

std::optional<uid_t> acting_for() { return another; }

uid_t asking_user() { return another.value_or(getuid()); }

}  // namespace notaus
