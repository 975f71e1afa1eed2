#include <notaus/call.hpp>

namespace notaus {

std::string reason(Why why, std::string_view tool) {
  switch (why) {
    case Why::allowed: return {};
    case Why::stop_all: return "killed: stop_all";
    case Why::tool_disabled: return "killed: tool_disabled:" + std::string(tool);
    case Why::writes_disabled: return "killed: writes_disabled:" + std::string(tool);
    case Why::permit_expired: return "killed: fenced:permit_expired";
    case Why::page_missing: return "killed: fenced:page_missing";
    case Why::page_torn: return "killed: fenced:page_torn";
    case Why::page_version: return "killed: fenced:page_version";
    case Why::page_owner: return "killed: fenced:page_owner";
    case Why::revision_went_back: return "killed: fenced:revision_went_back";
    case Why::epoch_changed: return "killed: fenced:epoch_changed";
    case Why::clock_foreign: return "killed: fenced:clock_foreign";
    case Why::slots_full: return "killed: fenced:slots_full";
    case Why::audit_unavailable: return "killed: fenced:audit_unavailable";
    case Why::guard_fault: return "killed: fenced:guard_fault";
  }
  return "killed: fenced:guard_fault";  // a value from nowhere
}

}  // namespace notaus
