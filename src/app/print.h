// app/print.h: answers as people and programs read them. The JSON fields are contract.
#pragma once

#include <nlohmann/json.hpp>

#include "app/commands.h"
#include "base/json.h"
#include "control/drain.h"
#include "control/report.h"
#include "control/status.h"

namespace notaus::app {

using Json = nlohmann::ordered_json;

std::string dump(const Json& json);  // one line; bytes that are no UTF-8 are replaced

Json to_json(const core::Stop& stop);
Json to_json(const control::Report& report);
Json to_json(const control::Status& status);
Json to_json(const control::Drained& drained);

// Messages to stderr, each "notaus: …".
void warn(const std::vector<std::string>& lines);
int fail(const Trouble& why);  // prints it; its exit code

// The same, and what a program gets that asked for JSON: `answer`, the command's fields with nothing in them; null: it prints
// one object a record, and there is none.
int fail(const Trouble& why, Output output, Json answer);

std::string describe(const core::Stop& stop);  // "k3j2… tenant=acme disable_writes since 03:12:07Z by ana: dup mails"
std::string describe(const control::InFlight& call);

}  // namespace notaus::app
