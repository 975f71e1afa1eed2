// app/print.h: answers as people and programs read them. The JSON fields are contract.
#pragma once

#include <cstdio>
#include <string_view>
#include <type_traits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/commands.h"
#include "base/json.h"
#include "control/drain.h"
#include "control/report.h"
#include "control/status.h"

namespace notaus::app {

using Json = nlohmann::ordered_json;

std::string dump(const Json& json);  // one line, harmless
Json or_null(const std::string& text);  // null: it is empty

// What every command prints with. Texts it is given may be anybody's: each is made harmless (base/json.h), and begins no line.
template <class T>
using Harmless = std::conditional_t<std::is_convertible_v<const T&, std::string_view>, std::string, const T&>;
template <class T>
Harmless<T> made_harmless(const T& given) {
  if constexpr (std::is_convertible_v<const T&, std::string_view>)
    return harmless(given);
  else
    return given;
}
void say_as_is(std::FILE* where, std::string_view text);  // of our own making
template <class... Args>
void say_to(std::FILE* where, fmt::format_string<Harmless<Args>...> format, const Args&... args) {
  say_as_is(where, fmt::format(format, made_harmless(args)...));
}
template <class... Args>
void say(fmt::format_string<Harmless<Args>...> format, const Args&... args) {
  say_to(stdout, format, args...);
}
// At the end: has all that was said to stdout arrived? If not, it says so.
bool said();

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

std::string or_dash(std::string_view name);  // "-" for who or what has none

constexpr std::size_t kMostListed = 100;  // for people; what asks for JSON gets all

// A line for each call, the first so many of them; `all_by` says who has the others.
void say_calls(std::span<const control::InFlight> calls, const std::string& all_by);

}  // namespace notaus::app
