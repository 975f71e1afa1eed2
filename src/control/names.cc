#include "control/names.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "base/fd.h"
#include "base/json.h"
#include "page/spool.h"

namespace notaus::control {
namespace {

void put(std::set<std::string>& into, std::string_view name) {
  if (!name.empty()) into.emplace(name);
}

// Of a text as a record has it: what it says.
std::string read_as_json(std::string_view text) {
  if (!text.contains('\\')) return std::string(text);
  const auto json = nlohmann::json::parse('"' + std::string(text) + '"', nullptr, false);
  return json.is_string() ? json.get<std::string>() : std::string();
}

std::size_t edits(const std::string& a, const std::string& b) {  // Levenshtein
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      std::size_t here = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
      diagonal = std::exchange(row[j], here);
    }
  }
  return row.back();
}

std::string unknown(const char* what, const std::string& name, const std::set<std::string>& known) {
  std::string line = fmt::format("no {} {} was ever seen", what, name);
  auto near = nearest(name, known);
  if (!near.empty()) return line + fmt::format("; nearest: {}", fmt::join(near, ", "));
  return line + (known.empty() ? fmt::format("; no {} was", what) : "");
}

}  // namespace

void Names::add(const core::State& state) {
  for (const auto& [tool, effect] : state.catalogue) put(tools, tool);
}

void Names::add(const std::vector<page::SeenPoint>& points) {
  for (const page::SeenPoint& point : points) {
    put(tenants, point.tenant);
    put(agents, point.agent);
    for (const page::SeenCall& call : point.calls) add(std::vector{call.entry});
  }
}

void Names::add(const std::vector<page::Entry>& calls) {
  for (const page::Entry& entry : calls) {
    put(tenants, get_name(entry.tenant));
    put(agents, get_name(entry.agent));
    put(tools, get_name(entry.tool));
  }
}

void Names::add_log(const page::StateDir& state) {
  auto text = read_file(state.log() + "/names");
  if (!text) return;
  for (std::size_t from = 0, end; (end = text->find('\n', from)) != std::string::npos; from = end + 1)
    add_record(text->substr(from, end - from));
}

void Names::add_spools(const page::StateDir& state) {
  for (page::Segment& segment : page::list_segments(state))
    if (page::read_segment(segment, 0))
      for (const page::SpoolRecord& record : segment.records) add_record(record.json);
}

void Names::add_record(const std::string& text) {
  each_text(text, [&](int depth, std::string_view key, std::string_view name) {
    for (auto [wanted, names] : {std::pair("tenant", &tenants), {"agent", &agents}, {"tool", &tools}})
      if (depth == 1 && key == wanted) put(*names, read_as_json(name));
  });
}

std::vector<std::string> unknown_fields(const core::Selector& selector, const Names& names) {
  std::vector<std::string> out;
  if (!selector.tenant.empty() && !names.tenants.contains(selector.tenant))
    out.push_back(unknown("tenant", selector.tenant, names.tenants));
  if (!selector.agent.empty() && !names.agents.contains(selector.agent))
    out.push_back(unknown("agent", selector.agent, names.agents));
  auto covered = [&](const std::string& tool) {
    return core::tool_matches(selector.tool, tool) || core::tool_matches(tool, selector.tool);
  };
  if (!selector.tool.empty() && std::ranges::none_of(names.tools, covered))
    out.push_back(unknown("tool", selector.tool, names.tools));
  return out;
}

std::vector<std::string> nearest(const std::string& name, const std::set<std::string>& names) {
  std::vector<std::pair<std::size_t, std::string>> near;
  for (const std::string& known : names) {
    if (known.size() > 256) continue;
    std::size_t distance = edits(name, known);
    bool begins = known.size() >= 3 && name.size() >= 3 && (known.starts_with(name) || name.starts_with(known));
    if (distance <= 1 + name.size() / 4 || begins) near.emplace_back(distance, known);
  }
  std::ranges::sort(near);
  std::vector<std::string> out;
  for (std::size_t i = 0; i < near.size() && i < 3; ++i) out.push_back(near[i].second);
  return out;
}

}  // namespace notaus::control
