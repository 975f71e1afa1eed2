#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "app/client_file.h"
#include "app/commands.h"
#include "app/print.h"
#include "app/replace_file.h"
#include "base/fd.h"

namespace notaus::app {
namespace {

namespace fs = std::filesystem;
using Became = ClientServer::Became;

// A file's present text, and what it shall be.
struct Plan {
  std::string path, now;
  ClientFile next;

  [[nodiscard]] std::string backup() const { return path + ".before-notaus"; }
  [[nodiscard]] bool changes() const { return now != next.text; }
};

template <class Change>
Result<std::vector<Plan>> plan_all(const std::vector<std::string>& files, const Change& change) {
  std::vector<Plan> plans;
  for (const std::string& path : files) {
    auto text = read_file(path);
    if (!text) return std::unexpected(text.error());
    auto next = change(*text);
    if (!next) return std::unexpected(next.error().in(path));
    plans.push_back({path, *std::move(text), *std::move(next)});
  }
  return plans;
}

// The path by which this program was started, if that is this program: a link in /usr/local/bin outlives what it points to.
std::string installed_path() {
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  const std::string_view typed = program_invocation_name;
  if (typed.contains('/')) {
    const fs::path given = fs::absolute(typed, error).lexically_normal();
    return fs::equivalent(given, self, error) ? given : self;
  }
  const char* path = std::getenv("PATH");
  for (std::string_view rest = path != nullptr ? path : ""; !rest.empty();) {
    const std::string_view directory = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(directory.size() + 1, rest.size()));
    const fs::path candidate = fs::path(directory) / typed;
    if (candidate.is_absolute() && fs::equivalent(candidate, self, error)) return candidate;
  }
  return self;
}

// For a shell, and for the eyes before it: what a terminal would act on is spelt out.
std::string quoted(const std::string& word) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=:,./@%";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
  auto acts = [](unsigned char c) { return c < 0x20 || c >= 0x7f; };
  const bool spelt = std::ranges::any_of(word, acts);
  std::string out = spelt ? "$'" : "'";
  for (char c : word) {
    if (spelt && acts(static_cast<unsigned char>(c)))
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    else if (spelt && (c == '\'' || c == '\\'))
      (out += '\\') += c;
    else
      out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  }
  return out + "'";
}

std::string approve_line(const Place& place, const Common& common, const ClientServer& server) {
  std::vector<std::string> words = {"notaus", "tools", "approve"};
  if (core::check_name("--server", server.name) && !server.name.starts_with('-'))
    words.insert(words.end(), {"--server", quoted(server.name)});
  if (!common.state.empty() || std::getenv("NOTAUS_STATE") != nullptr)
    words.insert(words.end(), {"--state", quoted(place.site.state.path)});
  words.emplace_back("--");
  for (const std::string& word : server.command) words.push_back(quoted(word));
  std::string line = fmt::format("{}", fmt::join(words, " "));
  if (!server.environment.empty()) line += shown(fmt::format("    # with {} set as there", fmt::join(server.environment, ", ")));
  return line;
}

std::string_view text(Became became) {
  switch (became) {
    case Became::wrapped: return "wrapped";
    case Became::updated: return "updated";
    case Became::unwrapped: return "unwrapped";
    case Became::same: return "as it was";
    case Became::not_covered: return "NOT COVERED";
  }
  return "as it was";
}

void print_servers(const Plan& plan) {
  say("{}\n", shown(plan.path));
  for (const ClientServer& server : plan.next.servers) {
    const std::string inside = server.where.starts_with("projects.") ? "  in " + server.where : "";
    const std::string note = server.note.empty() ? "" : "  " + server.note;
    say("  {:11}  {}{}{}\n", text(server.became), shown(server.name), shown(inside), shown(note));
  }
}

void print_approvals(const Place& place, const Common& common, const std::vector<Plan>& plans) {
  std::vector<std::string> lines;
  for (const Plan& plan : plans)
    for (const ClientServer& server : plan.next.servers) {
      if (server.command.empty()) continue;
      std::string line = approve_line(place, common, server);
      if (std::ranges::find(lines, line) == lines.end()) lines.push_back(std::move(line));
    }
  if (lines.empty()) return;
  say("Every tool counts as a write until you approve what only reads. To take a server's word for it:\n");
  for (const std::string& line : lines) say("  {}\n", line);
}

// The backup is the original: one that is there already stays.
Result<> keep_original(const Plan& plan) {
  auto kept = write_beside(plan.path, plan.backup(), plan.now);
  if (kept) return {};
  if (kept.error().kind != Kind::refused || !fs::exists(plan.backup())) return kept;
  warn({fmt::format("{} is there already and was kept as it is", plan.backup())});
  return {};
}

std::size_t count(const std::vector<Plan>& plans, Became became) {
  std::size_t out = 0;
  for (const Plan& plan : plans) out += plan.next.count(became);
  return out;
}

std::string uncovered(const std::vector<Plan>& plans) {
  std::vector<std::string> names;
  for (const Plan& plan : plans)
    for (const ClientServer& server : plan.next.servers)
      if (server.became == Became::not_covered) names.push_back(shown(server.name));
  return names.empty() ? "" : fmt::format("; NOT COVERED, its calls pass no Notaus: {}", fmt::join(names, ", "));
}

Result<Wrapping> wrapping_of(const Place& place, const InstallFlags& flags) {
  std::error_code error;
  Wrapping out{
      .notaus = installed_path(), .state = place.site.state.path, .config = {}, .tenant = flags.tenant, .agent = flags.agent};
  if (!place.config_path.empty()) out.config = fs::absolute(place.config_path, error).lexically_normal();
  out.only.insert(flags.servers.begin(), flags.servers.end());
  if (auto good = check_names({{"--tenant", flags.tenant}, {"--agent", flags.agent}}); !good) return std::unexpected(good.error());
  return out;
}

Result<> write_all_plans(const std::vector<Plan>& plans) {
  for (const Plan& plan : plans) {
    if (!plan.changes()) continue;
    if (auto kept = keep_original(plan); !kept) return kept;
    if (auto written = replace_file(plan.path, plan.now, plan.next.text); !written) return written;
  }
  return {};
}

// The original where nothing but our own words differs from it. Both sides are unwrapped after the same wrapping, so that what a
// wrapping does not keep, such as that there was no list of arguments, is no difference.
bool is_original(const std::string& original, const Plan& plan) {
  auto wrapped = wrap(original, {.notaus = "notaus", .state = "/", .config = {}, .tenant = {}, .agent = {}});
  auto bare = wrapped ? unwrap(wrapped->text) : wrapped;
  auto again = wrap(plan.next.text, {.notaus = "notaus", .state = "/", .config = {}, .tenant = {}, .agent = {}});
  auto now = again ? unwrap(again->text) : again;
  return bare && now && bare->text == now->text;
}

int uninstall_all(std::vector<Plan>& plans) {
  for (Plan& plan : plans) {
    print_servers(plan);
    auto original = read_file(plan.backup());
    const bool exact = original && plan.changes() && is_original(*original, plan);
    if (exact) plan.next.text = *original;
    if (!plan.changes()) continue;
    if (auto written = replace_file(plan.path, plan.now, plan.next.text); !written) return fail(written.error());
    std::error_code error;
    if (exact) fs::remove(plan.backup(), error);
    if (!exact && original)
      warn({fmt::format("{} has changed since it was installed into: unwrapped in place; {} was kept", plan.path, plan.backup())});
  }
  const std::size_t unwrapped = count(plans, Became::unwrapped);
  if (unwrapped == 0)
    say("nothing to take away: no server there runs through Notaus\n");
  else
    say("unwrapped {} server(s): start the client again; their calls no longer pass Notaus\n", unwrapped);
  return control::kDone;
}

}  // namespace

int install_command(const Common& common, const InstallFlags& flags) {
  auto place = find_place(common);
  if (!place) return fail(place.error());
  if (!place->config_trouble.empty()) return fail({Kind::broken, place->config_trouble});
  auto wrapping = wrapping_of(*place, flags);
  if (!wrapping) return usage(wrapping.error().what);
  auto plans = plan_all(flags.files, [&](const std::string& text) { return wrap(text, *wrapping); });
  if (!plans) return fail({Kind::broken, plans.error().what + "; nothing was changed"});
  const std::size_t changed = count(*plans, Became::wrapped) + count(*plans, Became::updated);
  const std::size_t covered = changed + count(*plans, Became::same);
  if (!flags.dry_run && covered > 0) {
    if (auto made = made_place(common); !made) return fail(made.error());
    if (auto written = write_all_plans(*plans); !written) return fail(written.error());
  }
  for (const Plan& plan : *plans) print_servers(plan);
  print_approvals(*place, common, *plans);
  const std::string what = covered == 0    ? "nothing to wrap: no server there is started by a command"
                           : flags.dry_run ? fmt::format("would wrap {} server(s); nothing was changed", changed)
                           : changed == 0  ? fmt::format("nothing to change: {} server(s) run through Notaus", covered)
                                           : fmt::format("wrapped {} server(s): start the client again", changed);
  say("{}{}\n", what, uncovered(*plans));
  return covered == 0 ? control::kFailed : control::kDone;
}

int uninstall_command(const InstallFlags& flags) {
  auto plans = plan_all(flags.files, [](const std::string& text) { return unwrap(text); });
  if (!plans) return fail({Kind::broken, plans.error().what + "; nothing was changed"});
  return uninstall_all(*plans);
}

}  // namespace notaus::app
