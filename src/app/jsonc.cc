#include "app/jsonc.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace notaus::app::jsonc {
namespace {

constexpr int kMaxDepth = 256;
constexpr std::string_view kMark = "\xEF\xBB\xBF";

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  Result<Value> document() {
    if (text_.starts_with(kMark)) at_ = kMark.size();
    auto root = value(0);
    if (!root) return root;
    if (auto space = skip(); !space) return std::unexpected(space.error());
    if (at_ != text_.size()) return wrong("expected the end");
    return root;
  }

 private:
  [[nodiscard]] std::unexpected<Trouble> wrong(const std::string& what) const {
    return trouble(Kind::broken, place(text_, at_) + ": " + what);
  }

  // Space and comments.
  Result<> skip() {
    while (true) {
      at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size());
      std::size_t end = std::string_view::npos;
      if (text_.substr(at_).starts_with("//")) {
        end = std::min(text_.find('\n', at_), text_.size());
      } else if (text_.substr(at_).starts_with("/*")) {
        end = text_.find("*/", at_ + 2);
        if (end == std::string_view::npos) return wrong("a comment without an end");
        end += 2;
      }
      if (end == std::string_view::npos) return {};
      at_ = end;
    }
  }

  // The next character that means something; 0 at the end.
  Result<char> next() {
    if (auto space = skip(); !space) return std::unexpected(space.error());
    return at_ < text_.size() ? text_[at_] : '\0';
  }

  Result<Value> value(int depth) {
    auto first = next();
    if (!first) return std::unexpected(first.error());
    if (depth > kMaxDepth) return wrong("nested too deeply");
    if (*first == '{') return object(depth);
    if (*first == '[') return array(depth);
    return *first == '"' ? string() : other();
  }

  Result<Value> string() {
    const std::size_t begin = at_;
    std::size_t end = begin + 1;
    while (end < text_.size() && text_[end] != '"' && text_[end] != '\n') end += text_[end] == '\\' ? 2 : 1;
    if (end >= text_.size() || text_[end] != '"') return wrong("a string without an end");
    ++end;
    auto decoded = nlohmann::json::parse(text_.substr(begin, end - begin), nullptr, false);
    if (!decoded.is_string()) return wrong("not a JSON string");
    at_ = end;
    return Value{.kind = Value::Kind::string, .begin = begin, .end = end, .string = decoded.get<std::string>()};
  }

  Result<Value> other() {
    const std::size_t end = std::min(text_.find_first_of(" \t\r\n,:]}/\"[{", at_), text_.size());
    const std::string_view token = text_.substr(at_, end - at_);
    if (token.empty() || !nlohmann::json::accept(token)) return wrong("expected a value");
    return Value{.kind = Value::Kind::other, .begin = std::exchange(at_, end), .end = end};
  }

  Result<Value> array(int depth) {
    Value out{.kind = Value::Kind::array, .begin = at_++};
    while (true) {
      auto c = next();
      if (!c) return std::unexpected(c.error());
      if (*c == ']') break;
      auto item = value(depth + 1);
      if (!item) return item;
      out.items.push_back(*std::move(item));
      if (auto more = comma(']'); !more) return std::unexpected(more.error());
    }
    out.end = ++at_;
    return out;
  }

  Result<Value> object(int depth) {
    Value out{.kind = Value::Kind::object, .begin = at_++};
    std::set<std::string> seen;
    while (true) {
      auto c = next();
      if (!c) return std::unexpected(c.error());
      if (*c == '}') break;
      if (*c != '"') return wrong("expected a key in double quotes");
      const std::size_t begin = at_;
      auto key = string();
      if (!key) return key;
      if (!seen.insert(key->string).second) return trouble(Kind::broken, place(text_, begin) + ": this key stands here twice");
      if (auto colon = next(); !colon || *colon != ':') return colon ? wrong("expected a colon") : std::unexpected(colon.error());
      ++at_;
      auto held = value(depth + 1);
      if (!held) return held;
      held->key = std::move(key->string);
      held->key_begin = begin;
      out.items.push_back(*std::move(held));
      if (auto more = comma('}'); !more) return std::unexpected(more.error());
    }
    out.end = ++at_;
    return out;
  }

  Result<> comma(char closing) {
    auto c = next();
    if (!c) return std::unexpected(c.error());
    if (*c == ',') ++at_;
    if (*c == ',' || *c == closing) return {};
    return wrong(fmt::format("expected a comma or `{}`", closing));
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

const Value* Value::find(std::string_view wanted) const {
  auto found = kind == Kind::object ? std::ranges::find(items, wanted, &Value::key) : items.end();
  return found == items.end() ? nullptr : &*found;
}

Result<Value> parse(std::string_view text) { return Reader(text).document(); }

std::string place(std::string_view text, std::size_t at) {
  const std::string_view before = text.substr(0, at);
  const std::size_t line_begin = before.rfind('\n') + 1;  // npos + 1 is 0
  return fmt::format("{}:{}", std::ranges::count(before, '\n') + 1, at - line_begin + 1);
}

std::string spliced(std::string_view text, std::vector<Edit> edits) {
  std::ranges::sort(edits, {}, &Edit::begin);
  std::string out;
  std::size_t done = 0;
  for (const Edit& edit : edits) {
    out += text.substr(done, edit.begin - done);
    out += edit.text;
    done = edit.end;
  }
  return out += text.substr(done);
}

}  // namespace notaus::app::jsonc
