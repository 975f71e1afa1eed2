#include "control/hints.h"

#include <gtest/gtest.h>

namespace notaus::control {
namespace {

constexpr auto kRead = Effect::read, kWrite = Effect::write;

TEST(Hints, WriteWins) {
  const std::map<std::string, Effect> catalogue = {
      {"crm.find", kRead}, {"email.send", kWrite}, {"web.*", kRead}, {"web.post.*", kWrite}, {"db.*", kWrite}};
  struct Row {
    const char* tool;
    bool read_only;
    std::optional<Effect> catalogue, becomes;
    bool refused = false;  // it calls itself read-only, and that changes nothing
  } rows[] = {
      {"new", true, {}, kRead},                  // the only way to a read
      {"new", false, {}, {}},                    // unknown is write already
      {"crm.find", true, kRead, {}},
      {"crm.find", false, kRead, kWrite},        // sources differ
      {"email.send", true, kWrite, {}, true},    // here, too
      {"email.send", false, kWrite, {}},
      {"web.get", false, kRead, kWrite},         // a read by its prefix
      {"web.get", true, kRead, {}},
      {"web.post.form", true, kWrite, {}, true}, // the longest prefix counts
      {"db.select", true, kWrite, {}, true},
      {"mail.*", true, {}, {}, true},            // would be a pattern
      {"*", true, {}, {}, true},
      {"a\nb", true, {}, {}, true},
      {"", true, {}, {}, true},
  };
  for (const Row& row : rows) {
    auto weighed = weigh({{row.tool, row.read_only}}, catalogue);
    ASSERT_EQ(weighed.size(), 1u);
    EXPECT_EQ(weighed[0].catalogue, row.catalogue) << row.tool;
    EXPECT_EQ(weighed[0].becomes, row.becomes) << row.tool;
    EXPECT_EQ(!weighed[0].why.empty(), row.refused) << row.tool << ": " << weighed[0].why;
  }
}

TEST(Hints, TwiceListedIsReadOnlyIfBothSaySo) {
  auto becomes = [](bool first, bool second) { return weigh({{"x", first}, {"x", second}}, {})[0].becomes; };
  EXPECT_EQ(becomes(true, true), kRead);
  EXPECT_EQ(becomes(true, false), std::nullopt);
  EXPECT_EQ(becomes(false, true), std::nullopt);
}

// Whatever a server says, no tool is a read afterwards that was not one or unknown before, and no read is one that it does not share.
TEST(Hints, ChangesAreWhatWasWeighed) {
  auto weighed = weigh({{"a", true}, {"b", false}, {"c", false}}, {{"b", kRead}});
  EXPECT_EQ(changes(weighed, kRead), (std::map<std::string, Effect>{{"a", kRead}}));
  EXPECT_EQ(changes(weighed, kWrite), (std::map<std::string, Effect>{{"b", kWrite}}));
}

}  // namespace
}  // namespace notaus::control
