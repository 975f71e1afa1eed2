// Lays a State flat: see flat.h for the layout, snapshot.h for how it is read.
#include <array>
#include <charconv>
#include <unordered_map>

#include <fmt/format.h>

#include "base/must.h"
#include "core/flat.h"
#include "core/snapshot.h"

namespace notaus::core {
namespace {

class Strings {
 public:
  // Offsets are from the start of the strings; `base` is added when the image is put together. 0 stays "none".
  std::uint32_t add(std::string_view text) {
    if (text.empty()) return 0;
    auto [seen, fresh] = known_.try_emplace(std::string(text), 0);
    if (fresh) {
      seen->second = static_cast<std::uint32_t>(words_.size() * 8);
      words_.push_back(text.size());
      for (std::size_t at = 0; at < text.size(); at += 8) words_.push_back(word_of(text, at));
    }
    return seen->second + base;
  }
  [[nodiscard]] const std::vector<std::uint64_t>& words() const { return words_; }

  std::uint32_t base = 0;

 private:
  std::vector<std::uint64_t> words_;
  std::unordered_map<std::string, std::uint32_t> known_;
};

// One field of a rule: not given, any, or a name.
struct Field {
  std::uint32_t ref = 0;
  std::uint64_t hash = 0;
};

struct Rules {
  struct Key {
    std::array<std::uint32_t, 3> fields;
    bool operator==(const Key&) const = default;
  };
  struct Hash {
    std::size_t operator()(const Key& key) const { return rule_hash(key.fields[0], key.fields[1], key.fields[2]); }
  };
  std::vector<Rule> rules;
  std::vector<std::uint64_t> hashes;
  std::unordered_map<Key, std::size_t, Hash> known;

  void add(Field tenant, Field agent, Field tool, Mode mode, std::uint32_t stop) {
    auto [seen, fresh] = known.try_emplace(Key{{tenant.ref, agent.ref, tool.ref}}, rules.size());
    if (fresh) {
      rules.push_back({tenant.ref, agent.ref, tool.ref, {Verdict::kNone, Verdict::kNone, Verdict::kNone}});
      hashes.push_back(rule_hash(tenant.hash, agent.hash, tool.hash));
    }
    std::uint32_t& first = rules[seen->second].first[static_cast<std::size_t>(mode)];
    first = std::min(first, stop);  // kNone is the largest
  }
};

std::vector<std::uint32_t> cells_for(const std::vector<std::uint64_t>& hashes) {
  std::size_t size = 2;
  while (size < hashes.size() * 2) size *= 2;
  std::vector<std::uint32_t> cells(size, 0);
  for (std::uint32_t i = 0; i < hashes.size(); ++i) {
    std::size_t cell = hashes[i] & (size - 1);
    while (cells[cell] != 0) cell = (cell + 1) & (size - 1);
    cells[cell] = i + 1;
  }
  return cells;
}

class Image {
 public:
  explicit Image(std::size_t header) : words_((header + 7) / 8) {}

  template <class T>
  Table add(const std::vector<T>& elements) {
    Table table{static_cast<std::uint32_t>(words_.size() * 8), static_cast<std::uint32_t>(elements.size())};
    words_.resize(words_.size() + (elements.size() * sizeof(T) + 7) / 8);
    if (!elements.empty())
      std::memcpy(reinterpret_cast<char*>(words_.data()) + table.at, elements.data(), elements.size() * sizeof(T));
    return table;
  }

  std::vector<std::uint64_t> words_;
};

std::uint64_t hex64(std::string_view digits) {
  std::uint64_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  return value;
}

}  // namespace

Result<std::vector<std::uint64_t>> flatten(const State& state, std::size_t at_most) {
  must(state.epoch.size() == 32, state.epoch);
  Strings strings;
  strings.base = sizeof(Header);  // strings come right behind the header, so their offsets are known first
  Rules rules;
  std::vector<FlatStop> stops;
  std::uint32_t shapes = 0;
  for (const Stop& stop : state.stops) {
    auto number = static_cast<std::uint32_t>(stops.size());
    const Selector& who = stop.selector;
    auto field = [&](const std::string& name) { return Field{strings.add(name), name.empty() ? 0 : hash_of(name)}; };
    Field tenant = field(who.tenant), agent = field(who.agent), tool = field(who.tool);
    stops.push_back({stop.at.ms, stop.asserted, stop.grace ? stop.grace->count() : kNever, stop.cancel_at.ns, strings.add(stop.id),
                     tenant.ref, agent.ref, tool.ref, strings.add(stop.reason), strings.add(stop.by),
                     static_cast<std::uint32_t>(stop.mode), stop.local ? kLocal | (stop.host_only ? kHostOnly : 0) : 0});
    const Field any{kAny, kAny};
    for (const Field& t : {tenant, any})
      for (const Field& a : {agent, any})
        if ((t.ref != kAny || tenant.ref != 0) && (a.ref != kAny || agent.ref != 0)) rules.add(t, a, tool, stop.mode, number);
    shapes |= 1u << (4 * (agent.ref != 0) + 2 * (tenant.ref != 0) + (tool.ref != 0));
  }
  std::vector<FlatTool> tools;
  std::vector<std::uint64_t> tool_hashes;
  for (const auto& [name, effect] : state.catalogue) {
    tools.push_back({strings.add(name), static_cast<std::uint32_t>(effect)});
    tool_hashes.push_back(hash_of(name));
  }

  Image image(sizeof(Header));
  must(image.add(strings.words()).at == strings.base);
  Header header{};
  header.magic = kImageMagic;
  header.epoch[0] = hex64(std::string_view(state.epoch).substr(0, 16));
  header.epoch[1] = hex64(std::string_view(state.epoch).substr(16));
  header.revision = state.revision;
  header.fence = static_cast<std::uint32_t>(state.fence);
  header.on_fence = static_cast<std::uint32_t>(state.on_fence);
  header.permit_needed = state.permit_needed;
  header.shapes = shapes;
  header.stops = image.add(stops);
  header.tools = image.add(tools);
  header.rules = image.add(rules.rules);
  header.rule_cells = image.add(cells_for(rules.hashes));
  header.tool_cells = image.add(cells_for(tool_hashes));
  header.length = image.words_.size() * 8;
  if (header.length > at_most)
    return trouble(Kind::refused, fmt::format("the state needs {} bytes, a page holds {}", header.length, at_most));
  std::memcpy(image.words_.data(), &header, sizeof header);
  image.words_[offsetof(Header, checksum) / 8] = checksum(bytes_of(image.words_).subspan(kChecksummedFrom));
  return std::move(image.words_);
}

}  // namespace notaus::core
