// control/told.h: calls as records tell of them, for the lists of a stop: the call itself may be gone from every slot.
#pragma once

#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "audit/filter.h"
#include "base/clock.h"
#include "page/scan.h"
#include "page/spool.h"

namespace notaus::control {

// Of a record that tells how a call has ended; nothing: it is none.
[[nodiscard]] std::optional<page::SeenCall> told_call(const nlohmann::json& record);

// Has anything been appended to that segment since? May err by a second, towards yes.
[[nodiscard]] bool written_since(const page::Segment& segment, WallTime when);

}  // namespace notaus::control
