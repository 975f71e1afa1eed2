#include "config/keep.h"

#include <charconv>

#include "config/config.h"

namespace notaus::config {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t seconds;
  std::uint64_t bytes;
};
constexpr Unit kUnits[] = {{"s", 1, 0},           {"m", 60, 0},           {"h", 3600, 0},
                           {"d", 86400, 0},       {"MiB", 0, 1ull << 20}, {"GiB", 0, 1ull << 30},
                           {"TiB", 0, 1ull << 40}};
constexpr std::uint64_t kMost = 999'999;

// What a report is asked for after an incident must still be there when somebody asks.
constexpr auto kLeastAge = std::chrono::hours(24);
constexpr std::uint64_t kLeastBytes = 16 << 20;

Result<> read_keep(const Yaml& yaml, Keep& into) {
  auto keep = yaml.type == Type::text ? parse_keep(yaml.text) : std::nullopt;
  if (!keep) return at(yaml, "how long or how much is wanted here, such as 90d or 20GiB");
  if ((keep->bytes == 0 && keep->age < kLeastAge) || (keep->age.count() == 0 && keep->bytes < kLeastBytes))
    return at(yaml, "a day, or 16MiB, is the least that is kept: what happened is asked for afterwards");
  into = *std::move(keep);
  return {};
}

constexpr Key<Audit> kAudit[] = {{"keep", [](const Yaml& y, Audit& a) { return read_keep(y, a.keep); }}};

}  // namespace

std::optional<Keep> parse_keep(std::string_view text) {
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  if (read.ec != std::errc() || number > kMost) return std::nullopt;
  const std::string_view unit(read.ptr, static_cast<std::size_t>(end - read.ptr));
  for (const Unit& known : kUnits)
    if (known.name == unit)
      return Keep{std::string(text), std::chrono::seconds(static_cast<std::int64_t>(number) * known.seconds), number * known.bytes};
  return std::nullopt;
}

Result<> read_audit(const Yaml& yaml, Audit& into) { return read_map<Audit>(yaml, into, kAudit); }

void list_audit_keys(std::vector<std::string>& into) { list_keys(into, "audit.", kAudit); }

}  // namespace notaus::config
