#include "core/snapshot.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/flat.h"

namespace notaus::core {
namespace {

// Element `index` of `table`, or zeros if it does not lie within the image.
template <class T>
T element(Bytes image, Table table, std::uint32_t index) {
  T out{};
  std::uint64_t at = table.at + std::uint64_t{index} * sizeof(T);
  if (index >= table.count || at % 4 != 0 || at + sizeof(T) > image.size()) return out;
  std::uint32_t words[sizeof(T) / 4];
  for (std::size_t i = 0; i < sizeof(T) / 4; ++i) words[i] = load<std::uint32_t>(image.data() + at + i * 4);
  std::memcpy(&out, words, sizeof out);
  return out;
}

Header header_of(Bytes image) { return element<Header>(image, {0, 1}, 0); }

bool string_equals(Bytes image, std::uint32_t offset, std::string_view text) {
  std::uint64_t end = std::uint64_t{offset} + 8 + text.size();
  if (offset % 8 != 0 || end > image.size() || load<std::uint32_t>(image.data() + offset) != text.size()) return false;
  for (std::size_t at = 0; at < text.size(); at += 8)
    if (load<std::uint64_t>(image.data() + offset + 8 + at) != word_of(text, at)) return false;
  return true;
}

// A field of the call as the rules name it: its text, or any.
struct Asked {
  std::string_view text;
  std::uint64_t hash;
  explicit Asked(std::string_view name) : text(name), hash(name.empty() ? kAny : hash_of(name)) {}
  [[nodiscard]] bool is(Bytes image, std::uint32_t field) const {
    return text.empty() ? field == kAny : string_equals(image, field, text);
  }
};

std::uint32_t rule_stop(Bytes image, const Header& header, const Asked* tenant, const Asked* agent, std::string_view tool,
                        Mode mode) {
  const std::uint32_t cells = header.rule_cells.count;
  std::uint64_t hash = rule_hash(tenant ? tenant->hash : 0, agent ? agent->hash : 0, tool.empty() ? 0 : hash_of(tool));
  for (std::uint32_t step = 0; step < cells; ++step) {
    auto cell = static_cast<std::uint32_t>((hash + step) & (cells - 1));
    auto number = element<std::uint32_t>(image, header.rule_cells, cell);
    if (number == 0) break;
    Rule rule = element<Rule>(image, header.rules, number - 1);
    if ((tenant ? tenant->is(image, rule.tenant) : rule.tenant == 0) && (agent ? agent->is(image, rule.agent) : rule.agent == 0) &&
        (tool.empty() ? rule.tool == 0 : string_equals(image, rule.tool, tool)))
      return rule.first[static_cast<std::size_t>(mode)];
  }
  return Verdict::kNone;
}

// "a.b.c" as patterns: "a.b.c", "a.b.*", "a.*". `visit(pattern)` until it returns true, the longest first.
template <class Visit>
void each_pattern(std::string_view tool, Visit visit) {
  if (visit(tool)) return;
  char pattern[256];
  for (std::size_t dot = tool.rfind('.'); dot != std::string_view::npos && dot > 0; dot = tool.rfind('.', dot - 1)) {
    if (dot + 2 > sizeof pattern) continue;  // no selector is that long (check_name)
    std::memcpy(pattern, tool.data(), dot + 1);
    pattern[dot + 1] = '*';
    if (visit(std::string_view(pattern, dot + 2))) return;
  }
}

}  // namespace

Result<Snapshot> Snapshot::open(Bytes image) {
  if (image.size() < sizeof(Header)) return trouble(Kind::broken, "a snapshot is cut off");
  Header header = header_of(image);
  if (header.magic != kImageMagic) return trouble(Kind::unsupported, "not a snapshot of this version");
  if (header.length < sizeof(Header) || header.length > image.size() || header.length % 8 != 0)
    return trouble(Kind::broken, "a snapshot is cut off");
  image = image.first(header.length);
  if (checksum(image.subspan(kChecksummedFrom)) != header.checksum) return trouble(Kind::broken, "a snapshot is damaged");
  return Snapshot(image);
}

std::uint64_t Snapshot::revision() const { return header_of(image_).revision; }
std::string Snapshot::epoch() const {
  Header header = header_of(image_);
  return fmt::format("{:016x}{:016x}", header.epoch[0], header.epoch[1]);
}
std::uint64_t Snapshot::epoch_hash() const {
  Header header = header_of(image_);
  return hash_of({reinterpret_cast<const char*>(header.epoch), sizeof header.epoch});
}
bool Snapshot::permit_needed() const { return header_of(image_).permit_needed != 0; }

std::string Snapshot::string(std::uint32_t offset) const {
  if (offset == 0 || offset % 8 != 0 || std::uint64_t{offset} + 8 > image_.size()) return {};
  std::uint64_t size = load<std::uint32_t>(image_.data() + offset);
  if (offset + 8 + size > image_.size()) return {};
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = load<char>(image_.data() + offset + 8 + i);
  return text;
}

std::string Snapshot::stop_id(std::uint32_t stop) const {
  return string(element<FlatStop>(image_, header_of(image_).stops, stop).id);
}

Why Snapshot::fence() const {
  if (image_.size() < sizeof(Header)) return Why::page_missing;
  std::uint32_t why = header_of(image_).fence;
  return why <= static_cast<std::uint32_t>(Why::guard_fault) ? static_cast<Why>(why) : Why::page_torn;
}

std::uint32_t Snapshot::find(const Call& call, Mode mode) const {
  const Header header = header_of(image_);
  const bool by_tool = mode == Mode::disable_tool;
  if (by_tool && call.tool.empty()) return Verdict::kNone;
  const Asked tenant(call.tenant), agent(call.agent);
  std::uint32_t first = Verdict::kNone;
  for (unsigned shape = 0; shape < 4; ++shape) {
    if ((header.shapes >> (2 * shape + by_tool) & 1) == 0) continue;
    const Asked* t = shape & 1 ? &tenant : nullptr;
    const Asked* a = shape & 2 ? &agent : nullptr;
    auto look = [&](std::string_view tool) {
      first = std::min(first, rule_stop(image_, header, t, a, tool, mode));
      return false;  // a shorter prefix may hold an earlier stop
    };
    by_tool ? each_pattern(call.tool, look) : (void)look({});
  }
  return first;
}

std::uint32_t Snapshot::stops_all(const Call& call) const { return find(call, Mode::stop_all); }
std::uint32_t Snapshot::disables(const Call& call) const { return find(call, Mode::disable_tool); }
std::uint32_t Snapshot::read_only(const Call& call) const { return find(call, Mode::disable_writes); }

bool Snapshot::writes(const Call& call) const {
  if (call.effect == Effect::write) return true;
  if (call.tool.empty()) return false;
  const Header header = header_of(image_);
  std::uint32_t cells = header.tool_cells.count;
  bool found = false;
  auto effect = Effect::write;  // unknown = write
  each_pattern(call.tool, [&](std::string_view name) {
    std::uint64_t hash = hash_of(name);
    for (std::uint32_t step = 0; step < cells; ++step) {
      auto number = element<std::uint32_t>(image_, header.tool_cells, static_cast<std::uint32_t>((hash + step) & (cells - 1)));
      if (number == 0) break;
      auto tool = element<FlatTool>(image_, header.tools, number - 1);
      if (!string_equals(image_, tool.name, name)) continue;
      found = true;
      effect = tool.effect == static_cast<std::uint32_t>(Effect::read) ? Effect::read : Effect::write;
      break;
    }
    return found;
  });
  return effect == Effect::write;
}

bool Snapshot::expired(BootTime now) const { return permit_needed() && now >= permit_until; }
bool Snapshot::fences(const Call& call) const {
  return header_of(image_).on_fence != static_cast<std::uint32_t>(OnFence::disable_writes) || writes(call);
}

Stop Snapshot::stop(std::uint32_t number) const {
  auto flat = element<FlatStop>(image_, header_of(image_).stops, number);
  Stop out{.id = string(flat.id),
           .selector = {string(flat.tenant), string(flat.agent), string(flat.tool)},
           .mode = flat.mode <= 2 ? static_cast<Mode>(flat.mode) : Mode::stop_all,
           .reason = string(flat.reason),
           .by = string(flat.by),
           .at = {flat.at},
           .asserted = flat.asserted,
           .cancel_at = {flat.cancel_at},
           .local = flat.local != 0,
           .host_only = (flat.local & kHostOnly) != 0};
  if (flat.grace_ms != kNever) out.grace = std::chrono::milliseconds(flat.grace_ms);
  return out;
}

std::vector<Stop> Snapshot::cancelling() const {
  std::vector<Stop> out;
  if (image_.size() < sizeof(Header)) return out;
  const Table stops = header_of(image_).stops;
  for (std::uint32_t i = 0; i < stops.count; ++i) {
    const std::uint64_t at = stops.at + std::uint64_t{i} * sizeof(FlatStop) + offsetof(FlatStop, cancel_at);
    if (at % 8 != 0 || at + 8 > image_.size()) break;
    if (load<std::int64_t>(image_.data() + at) != 0) out.push_back(stop(i));
  }
  return out;
}

State Snapshot::state() const {
  State out;
  if (image_.size() < sizeof(Header)) return out;
  const Header header = header_of(image_);
  out.epoch = epoch();
  out.revision = header.revision;
  out.fence = fence();
  out.on_fence = header.on_fence == 0 ? OnFence::disable_writes : OnFence::stop_all;
  out.permit_needed = header.permit_needed != 0;
  for (std::uint32_t i = 0; i < header.stops.count && i < image_.size() / sizeof(FlatStop); ++i) {
    out.stops.push_back(stop(i));
  }
  for (std::uint32_t i = 0; i < header.tools.count && i < image_.size() / sizeof(FlatTool); ++i) {
    auto flat = element<FlatTool>(image_, header.tools, i);
    out.catalogue[string(flat.name)] = flat.effect == 0 ? Effect::read : Effect::write;
  }
  return out;
}

}  // namespace notaus::core
