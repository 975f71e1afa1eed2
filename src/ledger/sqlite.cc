#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include "base/fd.h"
#include "base/id.h"
#include "ledger/codec.h"
#include "ledger/ledger.h"

namespace notaus::ledger {
namespace {

// One statement's life. Columns are read while row() is true.
class Query {
 public:
  Query(sqlite3* db, const char* sql) { status_ = sqlite3_prepare_v2(db, sql, -1, &statement_, nullptr); }
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;
  ~Query() { sqlite3_finalize(statement_); }

  Query& bind(const std::string& text) {
    if (status_ == SQLITE_OK)
      status_ = sqlite3_bind_text(statement_, ++bound_, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT);
    return *this;
  }
  Query& bind(std::uint64_t number) {
    if (status_ == SQLITE_OK) status_ = sqlite3_bind_int64(statement_, ++bound_, static_cast<sqlite3_int64>(number));
    return *this;
  }
  bool row() {
    if (status_ == SQLITE_OK || status_ == SQLITE_ROW) status_ = sqlite3_step(statement_);
    return status_ == SQLITE_ROW;
  }
  [[nodiscard]] std::uint64_t number(int column) const {
    return static_cast<std::uint64_t>(sqlite3_column_int64(statement_, column));
  }
  [[nodiscard]] std::string text(int column) const {
    const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    return bytes == nullptr ? "" : std::string(bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)));
  }
  bool run() {  // to its end
    while (row()) {
    }
    return status_ == SQLITE_DONE;
  }
  [[nodiscard]] bool ended() const { return status_ == SQLITE_DONE; }

 private:
  sqlite3_stmt* statement_ = nullptr;
  int status_;
  int bound_ = 0;
};

class Database {
 public:
  Database() = default;
  Database(Database&& other) noexcept
      : db_(std::exchange(other.db_, nullptr)), path_(std::move(other.path_)), written_(other.written_) {}
  Database& operator=(Database&&) = delete;
  ~Database() {
    if (db_ == nullptr) return;
    shorten_log();
    sqlite3_close(db_);
  }

  static Result<Database> open(const std::string& path, std::chrono::milliseconds patience) {
    Database out;
    out.path_ = path;
    if (access(path.c_str(), F_OK) != 0) return std::unexpected(os_trouble(path, errno));  // SQLite would say only "unable to open"
    int status = sqlite3_open_v2(path.c_str(), &out.db_, SQLITE_OPEN_READWRITE, nullptr);
    if (status != SQLITE_OK) return std::unexpected(out.trouble_now());
    sqlite3_busy_timeout(out.db_, static_cast<int>(patience.count()));
    // A checkpoint costs fsyncs, so there is none with each close: see shorten_log().
    sqlite3_db_config(out.db_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    if (!out.run("PRAGMA synchronous=FULL") || !out.run("PRAGMA wal_autocheckpoint=0")) return std::unexpected(out.trouble_now());
    return out;
  }

  bool run(const char* sql) { return sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) == SQLITE_OK; }
  [[nodiscard]] sqlite3* get() const { return db_; }
  void appended() { written_ = true; }

  [[nodiscard]] Trouble trouble_now() const {
    Kind kind = Kind::broken;
    int code = sqlite3_errcode(db_);
    if (code == SQLITE_BUSY || code == SQLITE_LOCKED) kind = Kind::retry;
    if (code == SQLITE_PERM || code == SQLITE_READONLY || code == SQLITE_AUTH) kind = Kind::refused;
    return {kind, path_ + ": " + sqlite3_errmsg(db_)};
  }

 private:
  // Every connection that finds no other open reads the whole write-ahead log, so a long one makes every command slow. Who has appended,
  // and whose answer somebody awaits, leaves it to others if there are any.
  void shorten_log() {
    const std::uintmax_t kLong = written_ ? 1 << 20 : 256 << 10;
    std::error_code error;
    if (std::filesystem::file_size(path_ + "-wal", error) < kLong || error) return;
    sqlite3_busy_timeout(db_, 0);  // if somebody else is in it, the next one does it
    (void)run("PRAGMA wal_checkpoint(TRUNCATE)");
  }

  sqlite3* db_ = nullptr;
  std::string path_;
  bool written_ = false;
};

// BEGIN IMMEDIATE … COMMIT; rolled back at the end of its life unless committed.
class Transaction {
 public:
  explicit Transaction(Database& db) : db_(db), open_(db.run("BEGIN IMMEDIATE")) {}
  ~Transaction() {
    if (open_) db_.run("ROLLBACK");
  }
  [[nodiscard]] bool open() const { return open_; }
  bool commit() {
    if (!db_.run("COMMIT")) return false;
    open_ = false;
    return true;
  }

 private:
  Database& db_;
  bool open_;
};

class Sqlite final : public Ledger {
 public:
  explicit Sqlite(Database db) : db_(std::move(db)) {}

  Result<core::State> read() override {
    // With one statement, so that no writer comes between.
    Query query(db_.get(),
                "SELECT * FROM (SELECT json FROM state) UNION ALL SELECT * FROM (SELECT json FROM stops ORDER BY place)");
    if (!query.row()) return query.ended() ? trouble(Kind::broken, "the ledger has no state") : std::unexpected(db_.trouble_now());
    auto state = decode_rest(query.text(0));
    while (state && query.row()) {
      auto stop = decode_stop(query.text(0));
      if (!stop) return std::unexpected(stop.error());
      state->stops.push_back(*std::move(stop));
    }
    return state && !query.ended() ? std::unexpected(db_.trouble_now()) : state;
  }

  Result<core::State> append(const core::Action& action) override {
    db_.appended();
    Transaction transaction(db_);
    if (!transaction.open()) return std::unexpected(db_.trouble_now());
    auto state = read();
    if (!state) return state;
    Query known(db_.get(), "SELECT revision FROM actions WHERE id = ?");
    if (known.bind(action.id).row()) return state;  // it happened already; the state has it in it
    auto next = core::apply(*std::move(state), action);
    if (!next) return next;
    Query insert(db_.get(), "INSERT INTO actions(revision, id, json) VALUES(?, ?, ?)");
    if (!insert.bind(next->revision).bind(action.id).bind(encode(action)).run()) return std::unexpected(db_.trouble_now());
    if (!write(*next, action.act == core::Act::stop ? action.stop.id : action.target) || !transaction.commit())
      return std::unexpected(db_.trouble_now());
    return next;
  }

  Result<std::vector<Entry>> actions(std::uint64_t after) override {
    std::vector<Entry> out;
    Query query(db_.get(), "SELECT revision, json FROM actions WHERE revision > ? ORDER BY revision");
    query.bind(after);
    while (query.row()) {
      auto action = decode_action(query.text(1));
      if (!action) return std::unexpected(action.error());
      out.push_back({query.number(0), *std::move(action)});
    }
    if (!query.ended()) return std::unexpected(db_.trouble_now());
    return out;
  }

  Result<Revisions> accounted(const std::vector<std::string>& actions) override {
    Revisions out;
    for (const std::string& action : actions) {
      Query query(db_.get(), "SELECT revision FROM actions WHERE id = ?");
      if (query.bind(action).row())
        out[action] = query.number(0);
      else if (!query.ended())
        return std::unexpected(db_.trouble_now());
    }
    return out;
  }

 private:
  // An action changes one stop at most; all of them would make each stop cost what the others are.
  bool write(const core::State& next, const std::string& changed) {
    auto standing = std::ranges::find(next.stops, changed, &core::Stop::id);
    const bool stands = standing != next.stops.end();
    Query stop(db_.get(), stands ? "INSERT INTO stops(id, json) VALUES(?, ?) ON CONFLICT(id) DO UPDATE SET json = excluded.json"
                                 : "DELETE FROM stops WHERE id = ?");
    stop.bind(changed);
    if (stands) stop.bind(encode(*standing));
    return stop.run() && Query(db_.get(), "UPDATE state SET json = ?").bind(encode_rest(next)).run();
  }

  Database db_;
};

constexpr const char* kSchema =
    "PRAGMA journal_mode=WAL;"
    "CREATE TABLE actions(revision INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, json TEXT NOT NULL);"
    "CREATE TABLE stops(place INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, json TEXT NOT NULL);"
    "CREATE TABLE state(one INTEGER PRIMARY KEY CHECK (one = 1), json TEXT NOT NULL);";

Result<> fill_new(const std::string& path) {
  auto db = Database::open(path, std::chrono::milliseconds(1000));
  if (!db) return std::unexpected(db.error());
  core::State empty;
  empty.epoch = new_epoch();
  if (!db->run(kSchema) || !Query(db->get(), "INSERT INTO state VALUES(1, ?)").bind(encode_rest(empty)).run() ||
      !db->run("PRAGMA wal_checkpoint(TRUNCATE)"))
    return std::unexpected(db->trouble_now());
  return {};
}

}  // namespace

Result<std::unique_ptr<Ledger>> open_sqlite(const std::string& path, std::chrono::milliseconds patience) {
  auto db = Database::open(path, patience);
  if (!db) return std::unexpected(db.error());
  return std::make_unique<Sqlite>(*std::move(db));
}

Result<> create_sqlite(const std::string& path) {
  const std::string draft = path + "." + new_id();
  if (auto made = open_file(draft, O_RDWR | O_CREAT | O_EXCL, 0600); !made) return std::unexpected(made.error());
  auto filled = fill_new(draft);
  int linked = filled ? link(draft.c_str(), path.c_str()) : 0;
  int error = errno;
  for (const char* tail : {"", "-wal", "-shm"}) unlink((draft + tail).c_str());
  if (!filled) return filled;
  if (linked != 0 && error == EEXIST) return trouble(Kind::refused, path + ": exists");
  if (linked != 0) return std::unexpected(os_trouble(path, error));
  return {};
}

}  // namespace notaus::ledger
