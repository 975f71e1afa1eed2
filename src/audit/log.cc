#include "audit/log.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/json.h"

namespace notaus::audit {
namespace {

using Json = nlohmann::json;

std::string log_path(const std::string& directory) { return directory + "/records.jsonl"; }
std::string cursor_path(const std::string& directory) { return directory + "/cursor"; }

Cursor load_cursor(const std::string& directory) {
  Cursor out;
  auto text = read_file(cursor_path(directory));
  Json json = Json::parse(text.value_or(""), nullptr, false);
  if (!json.is_object()) return out;  // none, or damaged: open() reads the whole log instead
  out.bytes = json.value("bytes", std::uint64_t{0});
  out.number = json.value("number", std::uint64_t{0});
  out.epoch = json.value("epoch", "");
  out.revision = json.value("revision", std::uint64_t{0});
  out.spools = json.value("spools", std::map<std::string, std::uint64_t>{});
  out.dead = json.value("dead", std::set<std::string>{});
  return out;
}

std::string source_json(const Source& source) {
  JsonLine line;
  if (source.revision != 0) line.field("epoch", source.epoch).field("revision", source.revision);
  if (!source.segment.empty()) line.field("segment", source.segment).field("offset", source.offset);
  if (!source.dead.empty()) line.field("dead", source.dead);
  return line.text();
}

Source source_of(const Json& json) {
  Source out;
  out.epoch = json.value("epoch", "");
  out.revision = json.value("revision", std::uint64_t{0});
  out.segment = json.value("segment", "");
  out.offset = json.value("offset", std::uint64_t{0});
  out.dead = json.value("dead", "");
  return out;
}

}  // namespace

Result<Log> Log::open(const std::string& directory, const std::string& host, std::chrono::milliseconds patience) {
  if (mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) return std::unexpected(os_trouble(directory, errno));
  auto lock = open_file(directory + "/lock", O_RDWR | O_CREAT, 0600);
  if (!lock) return std::unexpected(lock.error());
  auto give_up = std::chrono::steady_clock::now() + patience;
  while (flock(lock->get(), LOCK_EX | LOCK_NB) != 0) {
    if (std::chrono::steady_clock::now() >= give_up)
      return trouble(Kind::retry, directory + "/lock: another process is writing the log");
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  auto file = open_file(log_path(directory), O_RDWR | O_CREAT | O_APPEND, 0600);
  if (!file) return std::unexpected(file.error());
  Log log(directory, host, *std::move(lock), *std::move(file));
  if (auto recovered = log.recover(); !recovered) return std::unexpected(recovered.error());
  return log;
}

// What a crash left behind the cursor: whole lines are counted, a cut one is closed so that it spoils no other.
Result<> Log::recover() {
  cursor_ = load_cursor(directory_);
  struct stat file{};
  if (fstat(file_.get(), &file) != 0) return std::unexpected(os_trouble(log_path(directory_), errno));
  auto size = static_cast<std::uint64_t>(file.st_size);
  if (size < cursor_.bytes) cursor_ = {};  // it was cut or exchanged: what is there now is what was logged
  if (size == cursor_.bytes) return {};
  std::string tail(size - cursor_.bytes, '\0');
  if (auto read = read_at(file_.get(), tail.data(), tail.size(), cursor_.bytes); !read) return read;
  std::size_t from = 0;
  for (std::size_t end; (end = tail.find('\n', from)) != std::string::npos; from = end + 1) {
    Json record = Json::parse(tail.substr(from, end - from), nullptr, false);
    if (!record.is_object()) continue;
    cursor_.number = std::max(cursor_.number, record.value("n", std::uint64_t{0}));
    if (record.contains("from")) advance(source_of(record["from"]));
  }
  if (from == tail.size()) {
    cursor_.bytes = size;
    return {};
  }
  if (auto closed = write_all(file_.get(), "\n"); !closed) return closed;
  cursor_.bytes = size + 1;
  return append(
      {{JsonLine().field("kind", "unclean_start").field("at", iso8601(wall_now())).field("cut_bytes", tail.size() - from).text()}});
}

void Log::advance(const Source& source) {
  if (source.revision != 0) {
    cursor_.revision = source.epoch == cursor_.epoch ? std::max(cursor_.revision, source.revision) : source.revision;
    cursor_.epoch = source.epoch;
  }
  if (!source.segment.empty()) {
    auto& offset = cursor_.spools[source.segment];
    offset = std::max(offset, source.offset);
  }
  if (!source.dead.empty()) cursor_.dead.insert(source.dead);
}

Result<> Log::append(const std::vector<Record>& records) {
  if (records.empty()) return {};
  if (broken_) return trouble(Kind::broken, log_path(directory_) + ": an earlier write failed");
  std::string block;
  std::uint64_t number = cursor_.number;
  for (const Record& record : records) {
    std::string head = JsonLine().field("n", ++number).field("host", host_).text();
    head.pop_back();
    std::string from = source_json(record.source);
    block += head;
    if (from != "{}") block += ",\"from\":" + from;
    if (record.json != "{}") block += "," + record.json.substr(1, record.json.size() - 2);
    block += "}\n";
  }
  auto wrote = write_all(file_.get(), block);
  if (wrote && fdatasync(file_.get()) != 0) wrote = std::unexpected(os_trouble("fdatasync", errno));
  if (!wrote) {
    broken_ = true;
    // Half a block would be read as logged by the next open(): take it back. If even that fails, its whole lines stand, which is true.
    (void)!ftruncate(file_.get(), static_cast<off_t>(cursor_.bytes));
    return std::unexpected(wrote.error().in(log_path(directory_)));
  }
  cursor_.number = number;
  cursor_.bytes += block.size();
  for (const Record& record : records) advance(record.source);
  return {};
}

Result<> Log::save_cursor() {
  Json json = {{"bytes", cursor_.bytes},       {"number", cursor_.number}, {"epoch", cursor_.epoch},
               {"revision", cursor_.revision}, {"spools", cursor_.spools}, {"dead", cursor_.dead}};
  std::string draft = cursor_path(directory_) + ".new";
  auto fd = open_file(draft, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (!fd) return std::unexpected(fd.error());
  if (auto wrote = write_all(fd->get(), json.dump()); !wrote) return std::unexpected(wrote.error().in(draft));
  // Not fsynced: an old cursor or a damaged one only makes the next open() read more.
  if (rename(draft.c_str(), cursor_path(directory_).c_str()) != 0) return std::unexpected(os_trouble(draft, errno));
  return {};
}

Result<std::vector<std::string>> read_log(const std::string& directory) {
  auto text = read_file(log_path(directory), std::size_t{4} << 30);
  std::vector<std::string> out;
  if (!text && text.error().kind == Kind::gone) return out;
  if (!text) return std::unexpected(text.error());
  std::size_t from = 0;
  for (std::size_t end; (end = text->find('\n', from)) != std::string::npos; from = end + 1)
    if (end > from) out.push_back(text->substr(from, end - from));
  return out;
}

}  // namespace notaus::audit
