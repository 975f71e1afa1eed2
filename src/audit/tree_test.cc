// Hashes and notes that somebody else made: they must come out the same here.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "audit/note.h"
#include "audit/tiles.h"

namespace notaus::audit {
namespace {

std::string hex(std::string_view bytes) {
  std::string out;
  for (unsigned char byte : bytes) out += fmt::format("{:02x}", byte);
  return out;
}

// The leaves and roots that the reference implementations of Certificate Transparency are tested with.
TEST(Tree, RootsOfTheReferenceImplementation) {
  const std::string leaves[] = {"",
                                std::string(1, 0),
                                "\x10",
                                "\x20\x21",
                                "\x30\x31",
                                "\x40\x41\x42\x43",
                                "\x50\x51\x52\x53\x54\x55\x56\x57",
                                "`abcdefghijklmno"};
  const char* roots[] = {"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                         "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
                         "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
                         "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                         "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
                         "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
                         "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
                         "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};
  Tree tree;
  EXPECT_EQ(hex(bytes_of(tree.root())), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  std::vector<Hash> hashes;
  for (std::size_t i = 0; i < std::size(roots); ++i) {
    hashes.push_back(leaf_hash(leaves[i]));
    tree.append(hashes.back());
    EXPECT_EQ(hex(bytes_of(tree.root())), roots[i]) << i;
    EXPECT_EQ(root_of(hashes), tree.root());
  }
}

// Where a tile fills, the edge moves up a level; the root must not notice.
TEST(Tree, TheEdgeComesToTheRootOfTheWholeAtEverySize) {
  Tree tree;
  std::vector<Hash> leaves;
  for (std::uint64_t size = 1; size <= 65'793; ++size) {
    leaves.push_back(leaf_hash(std::to_string(size)));
    tree.append(leaves.back());
    if (size <= 520 || (size >= 65'535 && size <= 65'537) || size == 65'793) ASSERT_EQ(tree.root(), root_of(leaves)) << size;
  }
}

TEST(Tree, AnEdgeOfAnotherSizeIsNone) {
  auto edge = [](std::size_t leaves, std::size_t tiles) {
    return std::vector{std::vector<Hash>(leaves), std::vector<Hash>(tiles)};
  };
  EXPECT_TRUE(Tree::at(300, edge(44, 1)));  // control
  EXPECT_FALSE(Tree::at(300, edge(45, 1)));
  EXPECT_FALSE(Tree::at(300, edge(44, 2)));
  EXPECT_FALSE(Tree::at(300, {std::vector<Hash>(44)}));
}

// The example of tlog-tiles: 70,000 entries.
TEST(Tiles, ATreeOf70000HasTheTilesOfTheSpecification) {
  Edge edge;
  Files files;
  for (std::uint64_t i = 0; i < 70'000; ++i) edge.append("x", files);
  edge.add_partial(files);
  std::map<std::string, std::size_t> full, partial;
  for (const auto& [path, bytes] : files)
    if (std::string row = path.substr(5, path.find('/', 5) - 5); path.contains(".p/"))
      partial[row] = row == "entries" ? entries_in(bytes)->size() : bytes.size() / 32;
    else
      ++full[row];
  EXPECT_EQ(full, (std::map<std::string, std::size_t>{{"0", 273}, {"1", 1}, {"entries", 273}}));
  EXPECT_EQ(partial, (std::map<std::string, std::size_t>{{"0", 112}, {"1", 17}, {"2", 1}, {"entries", 112}}));
}

TEST(Tiles, Paths) {
  EXPECT_EQ(tile_path(0, 0), "tile/0/000");
  EXPECT_EQ(tile_path(1, 1'234'067), "tile/1/x001/x234/067");
  EXPECT_EQ(tile_path(2, 7, 1), "tile/2/007.p/1");
  EXPECT_EQ(entries_path(1000, 255), "tile/entries/x001/000.p/255");
}

TEST(Tiles, BundlesOfAnyEntries) {
  std::string bundle;
  for (std::size_t size : {0, 1, 255, 256, 65'535}) add_entry(bundle, std::string(size, 'x'));
  auto entries = entries_in(bundle);
  ASSERT_TRUE(entries);
  EXPECT_EQ(entries->back().size(), 65'535u);
  EXPECT_EQ(entries->size(), 5u);
  EXPECT_FALSE(entries_in(bundle.substr(0, bundle.size() - 1)));
  EXPECT_FALSE(entries_in(bundle + "x"));
}

// The example of signed-note, key and note.
TEST(Note, TheExampleOfTheSpecification) {
  auto by = parse_vkey("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k");
  ASSERT_TRUE(by);
  const std::string note =
      "This is an example message.\n\n"
      "\xe2\x80\x94 example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
  auto text = open_note(note, *by);
  ASSERT_TRUE(text) << text.error().what;
  EXPECT_EQ(*text, "This is an example message.\n");
  // One bit anywhere, also in what base64 does not use, and it is not this note.
  for (std::size_t at = 0; at < note.size(); ++at)
    for (int bit = 0; bit < 8; ++bit) {
      std::string other = note;
      other[at] = static_cast<char>(other[at] ^ (1 << bit));
      EXPECT_FALSE(open_note(other, *by)) << at << " " << bit;
    }
}

TEST(Note, SignaturesOfOthersArePassedOver) {
  Signer ours{"a/b", *make_signing_key()}, other{"c", *make_signing_key()}, namesake{"a/b", *make_signing_key()};
  const std::string text = "a/b\n0\n" + base64(bytes_of(Tree().root())) + "\n";
  const std::string note = *sign_note(ours, text);
  auto line = [&](const Signer& by) { return sign_note(by, text)->substr(text.size() + 1); };
  EXPECT_TRUE(open_checkpoint(note, ours.verifier()));
  EXPECT_TRUE(open_checkpoint(note + line(other), ours.verifier()));
  EXPECT_TRUE(open_checkpoint(note + line(namesake), ours.verifier()));
  EXPECT_FALSE(open_checkpoint(note, other.verifier()));
  EXPECT_FALSE(open_checkpoint(note, namesake.verifier()));
  EXPECT_FALSE(open_checkpoint(note + "no signature\n", ours.verifier()));
}

TEST(Note, KeysAreReadAsTheyWereWritten) {
  Signer signer{"prod/web-1/00ff", *make_signing_key()};
  auto again = parse_signer(signer.text());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->verifier(), signer.verifier());
  EXPECT_EQ(*parse_vkey(signer.verifier().vkey()), signer.verifier());
  std::string text = signer.text();
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::string other = text;
    other[at] = static_cast<char>(other[at] ^ 1);
    EXPECT_FALSE(parse_signer(other)) << at;
  }
}

TEST(Checkpoint, OtherFormsOfTheSameAreNone) {
  Signer by{"a", *make_signing_key()};
  const std::string root = base64(bytes_of(Tree().root()));
  struct Row {
    std::string text;
    bool good;
  } rows[] = {
      {"a\n0\n" + root + "\n", true},     {"a\n00\n" + root + "\n", false}, {"a\n+0\n" + root + "\n", false},
      {"a\n0\n" + root + "\nx\n", false}, {"b\n0\n" + root + "\n", false},  {"a\n0\n" + root.substr(4) + "\n", false},
      {"a\n0 \n" + root + "\n", false},   {"a\n\n" + root + "\n", false},   {"a\n18446744073709551616\n" + root + "\n", false},
  };
  for (const Row& row : rows) EXPECT_EQ(open_checkpoint(*sign_note(by, row.text), by.verifier()).has_value(), row.good) << row.text;
}

TEST(Ticket, IsACheckpointOnOneLine) {
  Signer by{"a", *make_signing_key()};
  Checkpoint checkpoint{"a", 41, leaf_hash("x")};
  const std::string text = ticket_text(*sign_note(by, checkpoint.text()));
  auto ticket = parse_ticket(text);
  ASSERT_TRUE(ticket) << text;
  EXPECT_EQ(ticket->size, 41u);
  EXPECT_EQ(ticket->root, checkpoint.root);
  EXPECT_EQ(ticket->text(), ticket_of(checkpoint, by.verifier()).text());
  EXPECT_FALSE(parse_ticket(text + " "));
  EXPECT_EQ(ticket_text(""), "");
}

}  // namespace
}  // namespace notaus::audit
