#include "app/client_file.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "app/jsonc.h"
#include "base/json.h"
#include "core/state.h"

namespace notaus::app {
namespace {

using jsonc::Edit;
using jsonc::Value;
using Became = ClientServer::Became;
using Words = std::vector<std::string>;

struct Entry {
  std::string where, name;
  const Value* value;
};

Result<> collect(std::string_view text, const std::string& where, const Value* servers, std::vector<Entry>& into) {
  if (servers == nullptr) return {};
  if (!servers->is(Value::Kind::object))
    return trouble(Kind::broken, fmt::format("{}: {} is no object", jsonc::place(text, servers->begin), shown(where)));
  for (const Value& server : servers->items) {
    if (!server.is(Value::Kind::object))
      return trouble(Kind::broken, fmt::format("{}: server {} is no object", jsonc::place(text, server.begin), shown(server.key)));
    into.push_back({where, server.key, &server});
  }
  return {};
}

Result<std::vector<Entry>> entries_of(std::string_view text, const Value& root) {
  std::vector<std::pair<std::string, const Value*>> places = {{"mcpServers", root.find("mcpServers")},
                                                              {"servers", root.find("servers")}};
  if (const Value* mcp = root.find("mcp")) places.emplace_back("mcp.servers", mcp->find("servers"));
  if (const Value* projects = root.find("projects"))
    for (const Value& project : projects->items)
      places.emplace_back("projects." + project.key + ".mcpServers", project.find("mcpServers"));
  std::vector<Entry> out;
  for (const auto& [where, servers] : places)
    if (auto good = collect(text, where, servers, out); !good) return std::unexpected(good.error());
  if (out.empty()) return trouble(Kind::broken, "no MCP servers in it: neither mcpServers nor servers has an entry");
  return out;
}

// What starts a server, as it stands.
struct Launch {
  const Value* command = nullptr;  // none: it has a url
  const Value* args = nullptr;
  Words words = {};        // of args
  std::size_t ours = 0;    // so many of these are ours, with the -- ; 0: not wrapped
  bool by_name = false;    // ours, and the command is in our configuration

  [[nodiscard]] const Value& own_command() const { return ours == 0 ? *command : args->items[ours]; }
  [[nodiscard]] Words own_words() const {
    Words out = {own_command().string};
    out.insert(out.end(), words.begin() + static_cast<std::ptrdiff_t>(ours == 0 ? 0 : ours + 1), words.end());
    return out;
  }
};

bool is_notaus(std::string_view command) { return command.substr(command.rfind('/') + 1).starts_with("notaus"); }  // npos + 1 is 0

Result<Launch> launch_of(std::string_view text, const Entry& entry) {
  auto wrong = [&](const Value& value, std::string_view what) {
    return trouble(Kind::broken, fmt::format("{}: server {}: {}", jsonc::place(text, value.begin), shown(entry.name), what));
  };
  Launch out;
  out.command = entry.value->find("command");
  if (out.command == nullptr) return out;
  if (!out.command->is(Value::Kind::string)) return wrong(*out.command, "its command is no string");
  out.args = entry.value->find("args");
  if (out.args == nullptr) return out;
  if (!out.args->is(Value::Kind::array)) return wrong(*out.args, "its args are no list");
  for (const Value& item : out.args->items) {
    if (!item.is(Value::Kind::string)) return wrong(item, "its args are not all strings");
    out.words.push_back(item.string);
  }
  if (!is_notaus(out.command->string) || out.words.empty() || out.words[0] != "mcp") return out;
  auto dashes = std::ranges::find(out.words, "--");
  out.by_name = dashes == out.words.end() || dashes + 1 == out.words.end();
  if (!out.by_name) out.ours = static_cast<std::size_t>(dashes - out.words.begin()) + 1;
  return out;
}

// Sets one flag among words that begin with "mcp"; a flag that is there keeps its place.
void set_flag(Words& words, const std::string& flag, const std::string& value) {
  if (value.empty()) return;
  const std::string joined = flag + "=" + value;
  const bool dash = value.starts_with('-');  // as a word of its own it would be taken for a flag
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (words[i].starts_with(flag + "=")) return void(words[i] = joined);
    if (words[i] == flag && i + 1 < words.size()) {
      if (!dash) return void(words[i + 1] = value);
      words[i] = joined;
      return void(words.erase(words.begin() + static_cast<std::ptrdiff_t>(i) + 1));
    }
  }
  if (dash) return words.push_back(joined);
  words.insert(words.end(), {flag, value});
}

Words our_words(Words words, const Entry& entry, const Wrapping& wrapping) {
  set_flag(words, "--state", wrapping.state);
  set_flag(words, "--config", wrapping.config);
  if (core::check_name("--server", entry.name)) set_flag(words, "--server", entry.name);
  set_flag(words, "--tenant", wrapping.tenant);
  set_flag(words, "--agent", wrapping.agent);
  return words;
}

std::string listed(const Words& words) {
  std::string out;
  for (const std::string& word : words) out += json_string(word) + ", ";
  return out;
}

std::string_view bytes(std::string_view text, const Value& value) { return text.substr(value.begin, value.end - value.begin); }

// The space in front of the command's key, so that a list of arguments that was not there looks as the rest of the entry does.
std::string_view space_before_command(std::string_view text, const Value& entry) {
  const std::string_view before = text.substr(0, entry.find("command")->key_begin);
  const std::size_t last = before.find_last_not_of(" \t\r\n");
  return before.substr(last + 1);
}

std::vector<Edit> wrapping_edits(std::string_view text, const Entry& entry, const Launch& launch, const Words& ours,
                                 const std::string& notaus) {
  std::vector<Edit> edits = {{launch.command->begin, launch.command->end, json_string(notaus)}};
  if (launch.ours != 0) {
    edits.push_back({launch.args->items.front().begin, launch.args->items[launch.ours].begin, listed(ours)});
    return edits;
  }
  const std::string front = listed(ours) + std::string(bytes(text, *launch.command));
  if (launch.args == nullptr) {
    edits.front().text += fmt::format(",{}\"args\": [{}]", space_before_command(text, *entry.value), front);
  } else if (launch.args->items.empty()) {
    edits.push_back({launch.args->begin + 1, launch.args->begin + 1, front});
  } else {
    const std::size_t first = launch.args->items.front().begin;
    edits.push_back({first, first, front + ", "});
  }
  return edits;
}

std::vector<Edit> unwrapping_edits(std::string_view text, const Launch& launch) {
  const std::vector<Value>& items = launch.args->items;
  const std::size_t rest = launch.ours + 1;
  const std::size_t end = rest < items.size() ? items[rest].begin : items.back().end;
  return {{launch.command->begin, launch.command->end, std::string(bytes(text, items[launch.ours]))}, {items[0].begin, end, ""}};
}

ClientServer described(const Entry& entry, const Launch& launch) {
  ClientServer out{.where = entry.where, .name = entry.name};
  if (const Value* environment = entry.value->find("env"))
    for (const Value& variable : environment->items) out.environment.push_back(variable.key);
  if (launch.command == nullptr) {
    out.became = Became::not_covered;
    const Value* url = entry.value->find("url");
    out.note = url != nullptr ? "has a url (" + url->string + ")" : "has no command";
  } else if (launch.by_name) {
    out.note = "its command is in the configuration of Notaus";
  } else {
    out.command = launch.own_words();
  }
  return out;
}

Result<> all_found(const std::set<std::string>& only, const std::vector<Entry>& entries) {
  for (const std::string& name : only)
    if (std::ranges::find(entries, name, &Entry::name) == entries.end())
      return trouble(Kind::gone, fmt::format("no server {} in it", shown(name)));
  return {};
}

// Both directions: `change` makes the edits of one server that has a command of its own, and says what it became.
template <class Change>
Result<ClientFile> changed(std::string_view text, const std::set<std::string>& only, const Change& change) {
  auto root = jsonc::parse(text);
  if (!root) return std::unexpected(root.error());
  auto entries = entries_of(text, *root);
  if (!entries) return std::unexpected(entries.error());
  if (auto found = all_found(only, *entries); !found) return std::unexpected(found.error());
  ClientFile out;
  std::vector<Edit> edits;
  for (const Entry& entry : *entries) {
    if (!only.empty() && !only.contains(entry.name)) continue;
    auto launch = launch_of(text, entry);
    if (!launch) return std::unexpected(launch.error());
    ClientServer& server = out.servers.emplace_back(described(entry, *launch));
    if (launch->command == nullptr || launch->by_name) continue;
    std::vector<Edit> made = change(entry, *launch, server);
    edits.insert(edits.end(), made.begin(), made.end());
  }
  out.text = jsonc::spliced(text, std::move(edits));
  return out;
}

}  // namespace

std::size_t ClientFile::count(Became became) const {
  return static_cast<std::size_t>(std::ranges::count(servers, became, &ClientServer::became));
}

Result<ClientFile> wrap(std::string_view text, const Wrapping& wrapping) {
  return changed(text, wrapping.only, [&](const Entry& entry, const Launch& launch, ClientServer& server) {
    Words before = {"mcp"};
    if (launch.ours != 0) before.assign(launch.words.begin(), launch.words.begin() + static_cast<std::ptrdiff_t>(launch.ours) - 1);
    Words ours = our_words(before, entry, wrapping);
    if (launch.ours != 0 && ours == before && launch.command->string == wrapping.notaus) return std::vector<Edit>{};
    server.became = launch.ours == 0 ? Became::wrapped : Became::updated;
    ours.emplace_back("--");
    return wrapping_edits(text, entry, launch, ours, wrapping.notaus);
  });
}

Result<ClientFile> unwrap(std::string_view text) {
  return changed(text, {}, [&](const Entry&, const Launch& launch, ClientServer& server) {
    if (launch.ours == 0) return std::vector<Edit>{};
    server.became = Became::unwrapped;
    return unwrapping_edits(text, launch);
  });
}

}  // namespace notaus::app
