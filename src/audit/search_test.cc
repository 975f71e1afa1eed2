// What a search finds is what is there, whatever the index says or lacks.
#include <unistd.h>

#include <random>

#include <nlohmann/json.hpp>

#include "audit/search.h"
#include "audit/test_log.h"
#include "base/clock.h"

namespace notaus::audit {
namespace {

using Json = nlohmann::json;

// Of many kinds and names, some of them in need of escapes, in no strict order of time.
std::vector<std::string> records(std::size_t count) {
  std::vector<std::string> out;
  std::mt19937 random(7);
  const std::vector<std::string> tenants = {"acme", "globex", "größe", "a\"b\\", "new\nline", R"(,"admission_only":true,)"};
  for (std::size_t i = 0; i < count; ++i) {
    Json record = {{"kind", i % 50 == 0 ? "stop" : "blocked"},
                   {"at", iso8601({static_cast<std::int64_t>(1'700'000'000'000 + i * 1000 - random() % 5000)})}};
    if (i % 50 == 0) {
      record["selector"] = {{"tenant", tenants[random() % 6]}, {"tool", "crm.*"}};
      record["id"] = "s" + std::to_string(i);
      record["reason"] = "why: " + std::to_string(i / 500);
    } else {
      record["tenant"] = i > count / 2 && i < count / 2 + 3 ? "rare" : tenants[random() % 6];
      record["agent"] = "a" + std::to_string(i / 1000);
      record["tool"] = i % 7 == 0 ? "crm.contact.find" : "email.send";
      record["reason"] = "killed: writes_disabled:email.send";
      record["stop"] = "s" + std::to_string(i / 50 * 50);
      if (record["tenant"] == "rare") record["admission_only"] = true;
    }
    out.push_back(i % 2 == 0 ? record.dump() : record.dump(-1, ' ', true));
  }
  return out;
}

void fill(TestLog& world, const std::vector<std::string>& lines) {
  Log log = world.open();
  for (std::size_t at = 0; at < lines.size();) {
    std::vector<Record> batch;
    for (; batch.size() < 300 && at < lines.size(); ++at) batch.push_back({lines[at]});
    ASSERT_TRUE(log.append(batch));
  }
}

std::vector<std::string> search(const TestLog& world, const Filter& filter, std::uint64_t from = 0) {
  std::vector<std::string> out;
  auto log = Search::open(world.place.directory).value();
  auto done = log.each(filter, [&](const std::string& line) { return out.push_back(line), true; }, from);
  EXPECT_TRUE(done) << done.error().what;
  return out;
}

std::vector<std::string> without_index(const TestLog& world, const Filter& filter) {
  std::vector<std::string> out;
  for (const std::string& line : world.lines())
    if (matches(Json::parse(line), filter)) out.push_back(line);
  return out;
}

TEST(Search, FindsWhatIsThereWhateverBecomesOfTheIndex) {
  TestLog world;
  fill(world, records(2000));
  const std::string index = world.file("index"), whole = contents(index);
  EXPECT_GT(whole.size(), 7u * 64);
  const Filter filters[] = {{},
                            {.tenant = "rare"},
                            {.tenant = "größe"},
                            {.tenant = "a\"b\\"},
                            {.tenant = "new\nline"},
                            {.tenant = "nobody"},
                            {.tenant = R"(,"admission_only":true,)"},
                            {.agent = "a3"},
                            {.tool = "crm.*"},
                            {.tool = "crm.contact.*"},
                            {.tool = "crm.contact.find"},
                            {.tool = "c.*"},
                            {.kind = "stop"},
                            {.reason = "killed"},
                            {.reason = "killed: writes_disabled"},
                            {.reason = "why: 3"},
                            {.stop = "s1500"},
                            {.admission_only = true},
                            {.kind = "blocked", .admission_only = true},
                            {.kind = "stop", .admission_only = true},
                            {.since = "2023-11-14T22:35"},
                            {.until = "2023-11-14T22:20"},
                            {.since = "2023-11-14T22:35", .until = "2023-11-14T22:36", .kind = "stop"}};
  struct Row {
    const char* what;
    std::function<void()> harm;
  } rows[] = {
      {"whole", [] {}},
      {"gone", [&] { unlink(index.c_str()); }},
      {"cut off", [&] { put(index, whole.substr(0, whole.size() / 2)); }},
      {"damaged", [&] { put(index, whole.substr(0, 1000) + "x" + whole.substr(1001)); }},
      {"garbage", [&] { put(index, std::string(5000, 'x')); }},
      {"of another log",
       [&] {
         TestLog other;
         fill(other, records(600));
         fs::copy_file(other.file("index"), index, fs::copy_options::overwrite_existing);
       }},
  };
  std::vector<std::vector<std::string>> all;
  for (const Filter& filter : filters) all.push_back(without_index(world, filter));
  for (const Row& row : rows) {
    row.harm();
    for (std::size_t i = 0; i < all.size(); ++i) {
      const Filter& filter = filters[i];
      const auto& expected = all[i];
      EXPECT_EQ(search(world, filter), expected) << row.what;
      EXPECT_EQ(search(world, filter), expected) << row.what << ", made again";
    }
    EXPECT_GE(contents(index).size(), whole.size()) << row.what;
    put(index, whole);
  }
  EXPECT_EQ(search(world, {.tenant = "rare"}).size(), 2u);  // control: the filters are not all empty, or all full
}

TEST(Search, ReadsOnlyTheBundlesThatMayHaveIt) {
  TestLog world;
  fill(world, records(2000));
  auto index = Index::read(world.place.directory, Search::open(world.place.directory).value().name());
  const Filter rare{.tenant = "rare"}, nobody{.tenant = "nobody"}, late{.since = "2023-11-14T22:46:00"};
  auto read = [&](const Filter& filter) {
    int bundles = 0;
    for (std::uint64_t bundle = 0; bundle < 2000 / kTileWidth; ++bundle)
      bundles += index.may_have(bundle, filter, words_of(filter));
    return bundles;
  };
  EXPECT_EQ(read({}), 7);
  EXPECT_EQ(read(rare), 1);
  EXPECT_EQ(read(nobody), 0);
  EXPECT_EQ(read({.admission_only = true}),
            1);  // a stop asks, and may have half a million writes of the last half minute to pass over
  EXPECT_LE(read(late), 1);
}

TEST(Search, GoesOnFromAnyRecord) {
  TestLog world;
  fill(world, records(700));
  const auto all = world.lines();
  for (std::uint64_t from : {0, 1, 255, 256, 257, 511, 512, 699, 700, 5000}) {
    const auto found = search(world, {}, from);
    ASSERT_EQ(found.size(), from < 700 ? 700 - from : 0) << from;
    if (!found.empty()) EXPECT_EQ(found.front(), all[from]);
  }
}

TEST(Search, AReaderWhoMayNotWriteFindsItAllTheSame) {
  TestLog world;
  fill(world, records(1000));
  unlink(world.file("index").c_str());
  fs::create_directory(world.file("index"));  // nothing can be written there, nor read
  EXPECT_EQ(search(world, {.kind = "stop"}), without_index(world, {.kind = "stop"}));
}

}  // namespace
}  // namespace notaus::audit
