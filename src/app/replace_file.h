// app/replace_file.h: another's file is changed whole or not at all.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace notaus::app {

// A new file at `path` with this text and with mode and owner of `model`; refused if something is there.
Result<> write_beside(const std::string& model, const std::string& path, std::string_view text);

// Puts `next` where `now` stands. A link stays a link, mode and owner stay. retry: its text is no longer `now`, and nothing was changed.
Result<> replace_file(const std::string& path, std::string_view now, std::string_view next);

}  // namespace notaus::app
