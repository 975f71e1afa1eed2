#include "app/man_page.h"

#include <ranges>
#include <span>
#include <string_view>

#include <fmt/format.h>

#include "app/cli.h"

namespace notaus::app {
namespace {

std::string escaped(std::string_view text) {
  std::string out;
  if (text.starts_with('.') || text.starts_with('\'')) out = "\\&";  // else it would be a request
  for (char c : text) {
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else
      out += c;
  }
  return out;
}

// Indented lines stand as they are, the others are a paragraph.
std::string prose(std::string_view text) {
  std::string out;
  bool verbatim = false;
  for (auto part : std::views::split(text, '\n')) {
    const std::string_view line(part);
    if (line.empty()) continue;
    const bool indented = line.starts_with("  ");
    if (indented != verbatim) out += indented ? ".PP\n.nf\n" : ".fi\n.PP\n";
    verbatim = indented;
    out += escaped(indented ? line.substr(2) : line) + "\n";
  }
  return verbatim ? out + ".fi\n" : out;
}

std::string term(const std::string& name, const std::string& value, std::string_view what) {
  const std::string argument = value.empty() ? "" : fmt::format(" \\fI{}\\fR", escaped(value));
  return fmt::format(".TP\n\\fB{}\\fR{}\n{}\n", escaped(name), argument, escaped(what));
}

std::string terms(const char* title, std::span<const Term> all) {
  std::string out = fmt::format(".SH {}\n", title);
  for (const Term& each : all) out += term(each.term, "", each.what);
  return out;
}

std::string options(const CLI::App& command) {
  std::string out;
  for (const CLI::Option* option : command.get_options([](const CLI::Option*) { return true; })) {
    if (option->get_group().empty() || option == command.get_help_ptr()) continue;
    const bool value = option->get_items_expected_max() > 0;
    if (option->get_lnames().empty())
      out += term(option->get_name(), "", option->get_description());
    else
      out += term("--" + option->get_lnames().front(), value ? option->get_type_name() : "", option->get_description());
  }
  return out;
}

std::string commands(const CLI::App& parent, const std::string& path) {
  std::string out;
  for (const CLI::App* sub : parent.get_subcommands([](const CLI::App*) { return true; })) {
    if (sub->get_group().empty()) continue;
    const std::string name = path + " " + sub->get_name();
    out += fmt::format(".SS {}\n{}", escaped(name), prose(sub->get_description()));
    out += options(*sub);
    if (const std::string footer = prose(sub->get_footer()); !footer.empty())
      out += (footer.starts_with(".PP") ? "" : ".PP\n") + footer;
    out += commands(*sub, name);
  }
  return out;
}

}  // namespace

std::string man_page(const CLI::App& tree, const std::string& date) {
  std::string out = fmt::format(".TH NOTAUS 1 \"{}\" \"notaus {}\" \"User Commands\"\n", date, NOTAUS_VERSION);
  out += ".SH NAME\nnotaus \\- the emergency stop for AI agents\n";
  out += ".SH SYNOPSIS\n.B notaus\n.I COMMAND\n[\\fIFLAGS\\fR]\n";
  out += ".SH DESCRIPTION\n" + prose(tree.get_description());
  out += ".SH COMMANDS\nEach takes\n.BR \\-\\-help .\n" + commands(tree, "notaus");
  out += terms("EXIT STATUS", exit_codes()) + terms("ENVIRONMENT", environment()) + terms("FILES", files());
  return out;
}

}  // namespace notaus::app
