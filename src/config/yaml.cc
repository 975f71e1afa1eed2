#include "config/yaml.h"

#include <algorithm>
#include <exception>
#include <sstream>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include "base/utf8.h"

namespace notaus::config {
namespace {

using YAML::Mark;

[[noreturn]] void fail(const Mark& mark, const std::string& what) { throw YAML::ParserException(mark, what); }

std::size_t from_one(int position) { return position < 0 ? 1 : static_cast<std::size_t>(position) + 1; }

// Builds the tree from the parser's events. yaml-cpp's own Node is not used: it forgets doubled keys and quotes, and shares aliases.
class Builder : public YAML::EventHandler {
 public:
  Yaml take() { return std::move(root_); }

  void OnDocumentStart(const Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const Mark& mark, YAML::anchor_t) override { add(mark, {}); }
  void OnAlias(const Mark& mark, YAML::anchor_t) override { fail(mark, "aliases (*name) are not read here; write the value out"); }
  void OnScalar(const Mark& mark, const std::string& tag, YAML::anchor_t, const std::string& value) override {
    refuse_tag(mark, tag);
    Yaml node;
    node.type = Yaml::Type::text;
    node.quoted = tag == "!";
    node.text = value;
    if (!node.quoted && (value.empty() || value == "~" || value == "null")) node.type = Yaml::Type::null;
    add(mark, std::move(node));
  }
  void OnSequenceStart(const Mark& mark, const std::string& tag, YAML::anchor_t, YAML::EmitterStyle::value) override {
    open(mark, tag, Yaml::Type::list);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const Mark& mark, const std::string& tag, YAML::anchor_t, YAML::EmitterStyle::value) override {
    open(mark, tag, Yaml::Type::map);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    Yaml node;
    bool key_next = true;  // in a map: keys and values take turns
  };

  static void refuse_tag(const Mark& mark, const std::string& tag) {
    if (!tag.empty() && tag != "?" && tag != "!") fail(mark, "tags (" + tag + ") are not read here");
  }

  void open(const Mark& mark, const std::string& tag, Yaml::Type type) {
    refuse_tag(mark, tag);
    if (open_.size() >= kMostDepth) fail(mark, fmt::format("nested deeper than {} levels", kMostDepth));
    if (wants_key()) fail(mark, "a key must be plain text");
    Open started;
    started.node.type = type;
    place(started.node, mark);
    open_.push_back(std::move(started));
  }

  void close() {
    Yaml done = std::move(open_.back().node);
    open_.pop_back();
    put(std::move(done));
  }

  void add(const Mark& mark, Yaml node) {
    place(node, mark);
    if (!wants_key()) return put(std::move(node));
    if (node.type != Yaml::Type::text) fail(mark, "a key must be plain text");
    Open& parent = open_.back();
    if (const auto* before = parent.node.find(node.text))
      fail(mark, fmt::format("key `{}` stands twice, first in line {}", node.text, before->line));
    parent.node.map.push_back({std::move(node.text), node.line, node.column, {}});
    parent.key_next = false;
  }

  void put(Yaml node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.type == Yaml::Type::list) {
      parent.node.list.push_back(std::move(node));
    } else {
      parent.node.map.back().value = std::move(node);
      parent.key_next = true;
    }
  }

  [[nodiscard]] bool wants_key() const {
    return !open_.empty() && open_.back().node.type == Yaml::Type::map && open_.back().key_next;
  }

  static void place(Yaml& node, const Mark& mark) {
    node.line = from_one(mark.line);
    node.column = from_one(mark.column);
  }

  Yaml root_;
  std::vector<Open> open_;
};

// yaml-cpp guesses UTF-16 and lets control characters through; both can hide a line from a reader.
Result<> check_text(std::string_view text) {
  std::size_t line = 1, column = 1;
  if (text.size() > kMostBytes) return at(1, 1, fmt::format("{} bytes; a config has at most {}", text.size(), kMostBytes));
  for (std::string_view rest = text; !rest.empty();) {
    std::size_t length = utf8_length(rest);
    auto lead = static_cast<unsigned char>(rest.front());
    if (length == 0) return at(line, column, "not valid UTF-8");
    if ((lead < 0x20 && lead != '\n' && lead != '\t' && lead != '\r') || lead == 0x7f)
      return at(line, column, fmt::format("control character {:#04x}", lead));
    column = lead == '\n' ? 1 : column + 1;
    line += lead == '\n';
    rest.remove_prefix(length);
  }
  return {};
}

}  // namespace

const Yaml::Key* Yaml::find(std::string_view key) const {
  auto found = std::ranges::find(map, key, &Key::name);
  return found == map.end() ? nullptr : &*found;
}

std::unexpected<Trouble> at(std::size_t line, std::size_t column, std::string_view what, Kind kind) {
  return trouble(kind, fmt::format("{}:{}: {}", line, column, what));
}

Result<Yaml> parse_yaml(std::string_view text) {
  if (auto sound = check_text(text); !sound) return std::unexpected(sound.error());
  try {
    std::istringstream in{std::string(text) + "\n...\n"};  // yaml-cpp takes the file's end for a closing quote, but not this line
    YAML::Parser parser(in);
    Builder builder, rest;
    if (!parser.HandleNextDocument(builder)) return Yaml{};
    if (parser.HandleNextDocument(rest)) {
      Yaml second = rest.take();
      return at(second.line, second.column, "a second document (`---`); a config is one document");
    }
    return builder.take();
  } catch (const YAML::Exception& e) {
    return at(from_one(e.mark.line), from_one(e.mark.column), e.msg);
  } catch (const std::exception& e) {
    return at(1, 1, e.what());
  }
}

}  // namespace notaus::config
