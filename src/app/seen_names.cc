#include <unistd.h>

#include <cstdio>
#include <map>

#include <fmt/format.h>

#include "app/complete.h"
#include "app/print.h"
#include "base/json.h"
#include "control/names.h"
#include "page/publisher.h"

namespace notaus::app {
namespace {

std::vector<Candidate> plain(const std::set<std::string>& names) {
  std::vector<Candidate> out;
  for (const std::string& name : names) out.push_back({name, ""});
  return out;
}

std::vector<Candidate> stops(const Place& place) {
  auto page = page::Publisher::open(place.site.state);
  auto state = page ? page->current() : Result<core::State>(std::unexpected(page.error()));
  std::vector<Candidate> out;
  if (!state) return out;
  for (const core::Stop& stop : state->stops) {
    const std::string reason = stop.reason.empty() ? "" : ": " + stop.reason;
    out.push_back({stop.id, fmt::format("{} {} by {}{}", core::text(stop.selector), core::text(stop.mode), stop.by, reason)});
  }
  if (page->latched()) out.push_back({"latch@" + place.site.host, "everything on this host"});
  return out;
}

control::Names names_of(const Place& place) {
  control::Names names = names_in(place.config);
  if (auto page = page::Publisher::open(place.site.state))
    if (auto state = page->current()) names.add(*state);
  names.add(page::scan(place.site.state));
  names.add_log(place.site.state);
  return names;
}

bool printable(const std::string& word) { return core::check_name("a word", word).has_value(); }

const char* text(Completion::Rest rest) {
  switch (rest) {
    case Completion::Rest::none: return ":none";
    case Completion::Rest::files: return ":files";
    case Completion::Rest::directories: return ":directories";
    case Completion::Rest::command: return ":command";
  }
  return ":none";
}

}  // namespace

std::vector<Candidate> seen_names(const Wanted& wanted) {
  const std::set<std::string> live = {"TENANT", "AGENT", "TOOL", "STOP", "SERVER"};
  if (!live.contains(wanted.kind)) return {};
  auto place = find_place({.state = wanted.state, .config = wanted.config});
  if (!place) return {};
  if (wanted.kind == "SERVER") {
    std::vector<Candidate> out;
    for (const auto& [name, server] : place->config.servers) out.push_back({name, ""});
    return out;
  }
  if (!page::exists(place->site.state)) return {};
  if (wanted.kind == "STOP") return stops(*place);
  const control::Names names = names_of(*place);
  return plain(wanted.kind == "TENANT" ? names.tenants : wanted.kind == "AGENT" ? names.agents : names.tools);
}

int complete_command(const CLI::App& tree, const std::vector<std::string>& words) {
  alarm(2);  // a shell waits for us: better no help than a terminal that hangs
  const Completion out = complete(tree, words, seen_names);
  for (const Candidate& each : out.candidates)
    if (printable(each.word)) say("{}\t{}\n", each.word, shown(each.what));
  say("{}\n", text(out.rest));
  return control::kDone;
}

}  // namespace notaus::app
