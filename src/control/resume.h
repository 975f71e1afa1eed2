// control/resume.h: what loosens. Every step can refuse it: the reason, the ledger, the audit record, which comes first and is durable.
#pragma once

#include <optional>

#include "control/report.h"
#include "host/host.h"

namespace notaus::control {

// What cannot be read has not shown that it knows what stands; to loosen in spite of it is recorded.
enum class Silent { refuses, passed_over };

struct ResumeRequest {
  std::string id;  // a stop's, or "latch@HOST"
  std::optional<core::Selector> selector;  // instead of an id: the stop whose selector is equal to this
  std::string reason;
  std::string by;
  Silent silent = Silent::refuses;
};

// Lifts one stop. It restarts nothing. exit kFailed: refused, nothing has changed, `warnings` says why.
Report resume(const host::Site& site, const ResumeRequest& request);

// Gives a stop the reason it was placed without.
Report note(const host::Site& site, const std::string& id, const std::string& reason, const std::string& by);

// Sets effects in the catalogue; the rules of resume.
Result<core::State> approve(const host::Site& site, const std::map<std::string, Effect>& effects, const std::string& by);

}  // namespace notaus::control
