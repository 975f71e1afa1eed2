#include "audit/index.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include <nlohmann/json.hpp>

#include "audit/life.h"
#include "base/bytes.h"
#include "base/fd.h"
#include "base/json.h"
#include "core/flat.h"

namespace notaus::audit {
namespace {

// Of rows with other words a question would be answered wrongly: a row of another version is a damaged one.
constexpr std::uint32_t kVersion = 2;
constexpr std::string_view kUnheard = "admission_only";

constexpr std::size_t kReadMax = std::size_t{1} << 30;

// What is in front of each row; then its words.
struct RowHead {
  std::uint32_t words;
  std::uint32_t sum;  // of all that follows this, and of the log's name
  std::uint64_t bundle;
  char first[24], last[24];
};
static_assert(sizeof(RowHead) == 64);

std::uint32_t word_of(std::string_view key, std::string_view value) {
  return static_cast<std::uint32_t>(core::hash_of(key) * 31 ^ core::hash_of(value));
}

// The words of one bundle. Its records resemble one another, so most are known already; what this forgets is sorted out at the end.
class Words {
 public:
  void add(std::string_view key, std::string_view value) {
    const std::uint32_t word = word_of(key, value);
    std::uint32_t& known = recent_[word % recent_.size()];
    if (known != word || word == 0) words_.push_back(word);
    known = word;
  }

  std::vector<std::uint32_t> all() && {
    std::ranges::sort(words_);
    const auto twice = std::ranges::unique(words_);
    words_.erase(twice.begin(), twice.end());
    return std::move(words_);
  }

 private:
  std::array<std::uint32_t, 1024> recent_ = {};
  std::vector<std::uint32_t> words_;
};

// Whole, and as far as each of its colons or dots, by which one may ask for it.
void add_beginnings(std::string_view key, std::string_view text, char at, std::string_view with, Words& words) {
  words.add(key, text);
  int most = 8;  // a text may be all colons
  for (std::size_t end = text.find(at); end != std::string_view::npos && most-- > 0; end = text.find(at, end + 1))
    words.add(key, std::string(text.substr(0, end)).append(with));
}

void add_plain(std::string_view key, std::string_view text, Words& words) {
  if (key == "tool") return add_beginnings(key, text, '.', ".*", words);
  if (key == "reason") return add_beginnings(key, text, ':', "", words);
  words.add(key == "stop" ? "id" : key, text);
}

// By the length first: most fields are none of these.
bool one_may_ask_by(std::string_view key) {
  switch (key.size()) {
    case 2: return key == "id";
    case 4: return key == "kind" || key == "tool" || key == "stop";
    case 5: return key == "agent";
    case 6: return key == "tenant" || key == "reason";
    default: return false;
  }
}

void add_words(std::string_view key, std::string_view raw, Words& words) {
  if (!one_may_ask_by(key)) return;
  if (!raw.contains('\\')) return add_plain(key, raw, words);
  const auto text = nlohmann::json::parse('"' + std::string(raw) + '"', nullptr, false);
  add_plain(key, text.is_string() ? text.get<std::string>() : "", words);
}

// A filter may name more of a text than the index has of it.
std::string as_indexed(const std::string& text, char at) {
  std::size_t end = 0;
  for (int most = 8; most > 0 && end != std::string::npos; --most) end = text.find(at, end + 1);
  return end == std::string::npos ? text : "";
}

std::uint32_t sum_of(std::string_view row, const std::string& origin) {
  return static_cast<std::uint32_t>(core::hash_of(row.substr(8)) ^ core::hash_of(origin) ^ kVersion);
}

std::string path_in(const std::string& directory) { return directory + "/index"; }

// Each sound row, with its head; where the first that is not begins.
template <class Visit>
std::size_t each_row(std::string_view bytes, const std::string& origin, Visit visit) {
  std::size_t at = 0;
  while (at + sizeof(RowHead) <= bytes.size()) {
    RowHead head{};
    std::memcpy(&head, bytes.data() + at, sizeof head);
    const std::size_t size = sizeof head + std::size_t{head.words} * sizeof(std::uint32_t);
    if (size > bytes.size() - at || head.bundle > kReadMax) break;
    const std::string_view row = bytes.substr(at, size);
    if (sum_of(row, origin) != head.sum) break;
    visit(head, row);
    at += size;
  }
  return at;
}

}  // namespace

IndexRow index_row(std::uint64_t bundle, std::span<const std::string_view> entries) {
  IndexRow out{.bundle = bundle};
  Words words;
  std::string_view first, last;
  const Filter unheard{.admission_only = true};
  for (std::string_view entry : entries) {
    if (may_match(entry, unheard)) words.add(kUnheard, "");
    each_text(entry, [&](int, std::string_view key, std::string_view raw) {
      if (key != "at") return add_words(key, raw, words);
      if (first.empty() || raw < first) first = raw;
      if (raw > last) last = raw;
    });
  }
  first.copy(out.first.data(), out.first.size());
  last.copy(out.last.data(), out.last.size());
  out.words = std::move(words).all();
  return out;
}

std::vector<std::uint32_t> words_of(const Filter& filter) {
  std::vector<std::uint32_t> out;
  auto add = [&](std::string_view key, const std::string& value) {
    if (!value.empty()) out.push_back(word_of(key, value));
  };
  add("tenant", filter.tenant);
  add("agent", filter.agent);
  add("tool", filter.tool.ends_with(".*") ? as_indexed(filter.tool, '.') : filter.tool);
  add("kind", filter.kind);
  add("reason", as_indexed(filter.reason, ':'));
  add("id", filter.stop);
  if (filter.admission_only) out.push_back(word_of(kUnheard, ""));
  return out;
}

Index Index::read(const std::string& directory, const std::string& origin) {
  Index out;
  out.bytes_ = read_file(path_in(directory), kReadMax).value_or("");
  const std::size_t end = each_row(out.bytes_, origin, [&](const RowHead& head, std::string_view row) {
    auto time = [&](std::size_t offset) { return row.substr(offset, row.substr(offset, 24).find_last_not_of('\0') + 1); };
    if (head.bundle >= out.rows_.size()) out.rows_.resize(head.bundle + 1);
    out.rows_[head.bundle] = {time(offsetof(RowHead, first)), time(offsetof(RowHead, last)),
                              reinterpret_cast<const std::uint32_t*>(row.data() + sizeof head), head.words};
  });
  if (end == out.bytes_.size()) return out;
  unlink(path_in(directory).c_str());  // behind what is damaged nothing can be found, nor added
  return {};
}

bool Index::may_have(std::uint64_t bundle, const Filter& filter, std::span<const std::uint32_t> words) const {
  if (!knows(bundle)) return true;
  const Seen& seen = rows_[bundle];
  if (!filter.since.empty() && seen.last < filter.since) return false;
  if (!filter.until.empty() && seen.first >= filter.until) return false;
  const std::span has(seen.words, seen.count);
  return std::ranges::all_of(words, [&](std::uint32_t word) { return std::ranges::binary_search(has, word); });
}

void add_rows(const std::string& directory, const std::string& origin, std::span<const IndexRow> rows) {
  std::string bytes;
  for (const IndexRow& row : rows) {
    RowHead head{static_cast<std::uint32_t>(row.words.size()), 0, row.bundle, {}, {}};
    std::ranges::copy(row.first, head.first);
    std::ranges::copy(row.last, head.last);
    std::string one(reinterpret_cast<const char*>(&head), sizeof head);
    one.append(reinterpret_cast<const char*>(row.words.data()), row.words.size() * sizeof(std::uint32_t));
    const std::uint32_t sum = sum_of(one, origin);
    std::memcpy(one.data() + offsetof(RowHead, sum), &sum, sizeof sum);
    bytes += one;
  }
  auto fd = open_file(path_in(directory), O_WRONLY | O_CREAT | O_APPEND, 0640);
  if (fd) (void)write_all(fd->get(), bytes);
}

// Rows that others add meanwhile are lost, and made again by the next question.
void forget_rows(const std::string& directory, const std::string& origin, std::uint64_t before) {
  const std::string bytes = read_file(path_in(directory), kReadMax).value_or("");
  std::string kept;
  each_row(bytes, origin, [&](const RowHead& head, std::string_view row) {
    if (head.bundle >= before) kept += row;
  });
  if (kept.size() * 2 < bytes.size()) (void)put_file(path_in(directory), kept, Keep::as_it_comes);
}

}  // namespace notaus::audit
