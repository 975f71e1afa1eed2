// base/boot.h: which run of the kernel this is.
#pragma once

#include <string>

namespace notaus {

const std::string& boot_id();  // "5a2c…-…", 36 characters; empty if the kernel tells none

}  // namespace notaus
