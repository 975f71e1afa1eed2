// The flat image: what goes in comes out, and whatever is done to its bytes, reading them stays within them.
#include "core/snapshot.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <random>

#include "core/flat.h"

namespace notaus::core {
namespace {

using std::chrono::milliseconds;

State sample() {
  State state;
  state.epoch = "0123456789abcdef00000000000000fe";
  state.revision = 41;
  state.catalogue = {{"crm.find", Effect::read}, {"browser.*", Effect::read}, {"browser.click.*", Effect::write}};
  state.stops = {
      {.id = "s0",
       .selector = {.tenant = "acme"},
       .mode = Mode::stop_all,
       .reason = "duplicate mails",
       .by = "ana",
       .at = {5},
       .asserted = 3},
      {.id = "s1",
       .selector = {"globex", "bot", "x.*"},
       .mode = Mode::disable_tool,
       .grace = milliseconds(0),
       .cancel_at = {77},
       .local = true},
      {.id = "s2",
       .selector = {.agent = "mailer"},
       .mode = Mode::disable_writes,
       .grace = milliseconds(9),
       .local = true,
       .host_only = true},
  };
  return state;
}

TEST(Snapshot, GivesBackTheStateItWasMadeFrom) {
  struct Row {
    const char* what;
    void (*change)(State&);
  } rows[] = {
      {"as it is", [](State&) {}},
      {"a fence", [](State& state) { state.fence = Why::revision_went_back; }},
      {"the last fence", [](State& state) { state.fence = Why::guard_fault; }},
      {"on_fence", [](State& state) { state.on_fence = OnFence::stop_all; }},
      {"a permit", [](State& state) { state.permit_needed = true; }},
      {"nothing", [](State& state) { state.stops.clear(), state.catalogue.clear(); }},
      {"no catalogue", [](State& state) { state.catalogue.clear(); }},
      {"no stops", [](State& state) { state.stops.clear(); }},
      {"a long reason", [](State& state) { state.stops[0].reason = std::string(3000, 'x'); }},
      {"another epoch", [](State& state) { state.epoch = "0123456789abcdefffffffffffffffff"; }},
  };
  const auto before = flatten(sample(), 1 << 20).value();
  for (const Row& row : rows) {
    State state = sample();
    row.change(state);
    auto image = flatten(state, 1 << 20).value();
    Snapshot snapshot = Snapshot::open(bytes_of(image)).value();
    EXPECT_EQ(snapshot.state(), state) << row.what;
    EXPECT_EQ(snapshot.revision(), 41u);
    EXPECT_EQ(snapshot.epoch(), state.epoch);
    EXPECT_EQ(snapshot.permit_needed(), state.permit_needed);
    EXPECT_EQ(snapshot.epoch_hash() == Snapshot::trust(bytes_of(before)).epoch_hash(), state.epoch == sample().epoch);
    EXPECT_FALSE(flatten(state, image.size() * 8 - 8)) << "it fits in no less";
  }
}

TEST(Snapshot, NamesItsStopsAndThoseThatWantCallsEnded) {
  auto image = flatten(sample(), 1 << 20).value();
  Snapshot snapshot = Snapshot::open(bytes_of(image)).value();
  EXPECT_EQ(snapshot.stop_id(0), "s0");
  EXPECT_EQ(snapshot.stop_id(2), "s2");
  EXPECT_EQ(snapshot.stop_id(3), "");
  auto ending = snapshot.cancelling();
  ASSERT_EQ(ending.size(), 1u);
  EXPECT_EQ(ending[0], sample().stops[1]);
}

TEST(Snapshot, OfNothingDeniesAndHasNoStops) {
  for (Snapshot none : {Snapshot(), Snapshot::trust(Bytes())}) {
    EXPECT_EQ(decide(none, {.tool = "crm.find", .effect = Effect::read}, {}).why, Why::page_missing);
    EXPECT_EQ(none.state(), State());
    EXPECT_TRUE(none.cancelling().empty());
    EXPECT_EQ(none.stop_id(0), "");
  }
}

TEST(Snapshot, TheLongestNameIsStillMatchedAndLongerOnesDoNoHarm) {
  const std::string longest = std::string(253, 'x') + ".*";  // 255
  const std::string most = std::string(254, 'x') + ".*";     // 256: what check_name() allows
  State state = sample();
  state.stops = {{.id = "s0", .selector = {.tool = longest}, .mode = Mode::disable_tool},
                 {.id = "s1", .selector = {.tool = most}, .mode = Mode::disable_tool}};
  auto image = flatten(state, 1 << 20).value();
  Snapshot snapshot = Snapshot::open(bytes_of(image)).value();
  auto stop_of = [&](const std::string& tool) { return snapshot.stop_id(snapshot.disables({.tool = tool})); };
  EXPECT_EQ(stop_of(std::string(253, 'x') + ".y"), "s0");
  EXPECT_EQ(stop_of(std::string(254, 'x') + ".y"), "s1");
  EXPECT_EQ(stop_of(std::string(255, 'x') + ".y"), "");
  EXPECT_EQ(stop_of(std::string(254, 'x') + "." + std::string(4000, 'y') + "." + std::string(4000, 'z')), "s1");
}

TEST(Snapshot, OpensWhatIsWholeAndNothingElse) {
  auto change = [](std::size_t at, std::uint64_t value) {
    return [=](std::vector<std::uint64_t>& image) { image[at / 8] = value; };
  };
  const std::uint64_t length = flatten(sample(), 1 << 20).value().size() * 8;
  struct Row {
    const char* what;
    std::function<void(std::vector<std::uint64_t>&)> harm;
    std::optional<Kind> trouble;
  } rows[] = {
      {"nothing", [](auto&) {}, {}},
      {"bytes behind it", [](auto& image) { image.push_back(7); }, {}},
      {"cut by a word", [](auto& image) { image.pop_back(); }, Kind::broken},
      {"cut to a header", [](auto& image) { image.resize(sizeof(Header) / 8); }, Kind::broken},
      {"cut to less", [](auto& image) { image.resize(sizeof(Header) / 8 - 1); }, Kind::broken},
      {"empty", [](auto& image) { image.clear(); }, Kind::broken},
      {"another magic", change(offsetof(Header, magic), kImageMagic + 1), Kind::unsupported},
      {"no length", change(offsetof(Header, length), 0), Kind::broken},
      {"half a header's length", change(offsetof(Header, length), sizeof(Header) / 2), Kind::broken},
      {"a shorter length", change(offsetof(Header, length), length - 8), Kind::broken},
      {"an odd length", change(offsetof(Header, length), length - 4), Kind::broken},
      {"a longer length", change(offsetof(Header, length), length + 8), Kind::broken},
      {"an endless length", change(offsetof(Header, length), ~std::uint64_t{7}), Kind::broken},
      {"another checksum", change(offsetof(Header, checksum), 1), Kind::broken},
      {"another revision", change(offsetof(Header, revision), 42), Kind::broken},
  };
  for (const Row& row : rows) {
    auto image = flatten(sample(), 1 << 20).value();
    row.harm(image);
    auto opened = Snapshot::open(bytes_of(image));
    EXPECT_EQ(opened ? std::nullopt : std::optional(opened.error().kind), row.trouble) << row.what;
  }
}

// Memory that begins, or ends, where nothing is mapped: a read outside of it does not go unseen.
class Walled {
 public:
  Walled() : base_(static_cast<std::byte*>(mmap(nullptr, 4 * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {
    (void)mprotect(base_ + kPage, 2 * kPage, PROT_READ | PROT_WRITE);
  }
  Walled(const Walled&) = delete;
  ~Walled() { munmap(base_, 4 * kPage); }

  enum class At { begin, end };
  Bytes put(std::span<const std::uint64_t> words, At at) {
    std::byte* from = at == At::begin ? base_ + kPage : base_ + 3 * kPage - words.size_bytes();
    std::memcpy(from, words.data(), words.size_bytes());
    return {from, words.size_bytes()};
  }

 private:
  static constexpr std::size_t kPage = 4096;
  std::byte* base_;
};

void read_all(Snapshot snapshot) {
  for (const Call& call :
       {Call{.tenant = "acme", .agent = "mailer", .tool = "x.y.z"}, Call{.tool = "browser.click.left", .effect = Effect::read},
        Call{.tenant = "globex", .agent = "bot", .tool = "x.y"}})
    (void)snapshot.stop_id(decide(snapshot, call, {}).stop);
  (void)snapshot.state();
  (void)snapshot.cancelling();
}

TEST(Snapshot, DamageIsFoundAndReadingItAnywayStaysInBounds) {
  const auto image = flatten(sample(), 1 << 20).value();
  Walled memory;
  std::mt19937_64 dice(11);
  for (int i = 0; i < 20'000; ++i) {
    auto damaged = image;
    for (unsigned n = dice() % 4; n > 0; --n) damaged[dice() % damaged.size()] = dice() >> dice() % 64;
    if (damaged != image) EXPECT_FALSE(Snapshot::open(bytes_of(damaged)));
    damaged.resize(damaged.size() - (dice() % 2 ? 0 : dice() % (damaged.size() + 1)));
    read_all(Snapshot::trust(memory.put(damaged, dice() % 2 ? Walled::At::begin : Walled::At::end)));
  }
}

// Every word of the image, either half of it, set to every place in the image and a little beyond.
TEST(Snapshot, NoOffsetLeadsOutOfIt) {
  const auto image = flatten(sample(), 1 << 20).value();
  Walled memory;
  for (std::size_t word = 0; word < image.size(); ++word)
    for (int half : {0, 32})
      for (std::uint64_t at = 0; at <= image.size() * 8 + 8; at += 4) {
        auto damaged = image;
        damaged[word] = (damaged[word] & ~(std::uint64_t{0xffff'ffff} << half)) | at << half;
        read_all(Snapshot::trust(memory.put(damaged, Walled::At::end)));
      }
}

}  // namespace
}  // namespace notaus::core
