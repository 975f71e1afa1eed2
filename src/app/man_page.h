// app/man_page.h: notaus(1), made from the same tree of commands as --help.
#pragma once

#include <string>

#include <CLI/CLI.hpp>

namespace notaus::app {

// roff, for the man macros; `date` is the page's, "2026-11-25".
std::string man_page(const CLI::App& tree, const std::string& date);

}  // namespace notaus::app
