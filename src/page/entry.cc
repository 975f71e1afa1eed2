#include "page/entry.h"

#include <algorithm>

namespace notaus::page {
namespace {

template <std::size_t kMost>
bool may_be(std::string_view wanted, const Name<kMost>& name) {
  return (name.size == kNoSize || wanted.size() == name.size) && wanted.starts_with(get_name(name));
}

bool may_match(std::string_view pattern, const Name<126>& tool) {
  if (!core::is_prefix(pattern)) return may_be(pattern, tool);
  const std::string_view stem = pattern.substr(0, pattern.size() - 1), known = get_name(tool);
  const std::size_t common = std::min(stem.size(), known.size());
  return tool.size >= stem.size() && stem.substr(0, common) == known.substr(0, common);
}

}  // namespace

Call call_of(const Entry& entry) {
  return {.tenant = get_name(entry.tenant),
          .agent = get_name(entry.agent),
          .run = get_name(entry.run),
          .tool = get_name(entry.tool),
          .effect = entry.write != 0 ? Effect::write : Effect::read};
}

bool covers(const core::Stop& stop, const Entry& entry, const core::Snapshot& state) {
  const core::Selector& wanted = stop.selector;
  Call call = call_of(entry);
  if (is_cut(entry.tenant) && may_be(wanted.tenant, entry.tenant)) call.tenant = wanted.tenant;
  if (is_cut(entry.agent) && may_be(wanted.agent, entry.agent)) call.agent = wanted.agent;
  core::Selector selector = wanted;
  if (is_cut(entry.tool) && may_match(wanted.tool, entry.tool)) selector.tool.clear();
  return core::matches(selector, call) && (stop.mode != core::Mode::disable_writes || state.writes(call));
}

}  // namespace notaus::page
