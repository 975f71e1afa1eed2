// config/keep.h: the part of the file that is about the audit log.
#pragma once

#include "config/keys.h"

namespace notaus::config {

struct Audit;

Result<> read_audit(const Yaml& yaml, Audit& into);

void list_audit_keys(std::vector<std::string>& into);

}  // namespace notaus::config
