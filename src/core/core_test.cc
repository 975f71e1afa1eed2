#include <gtest/gtest.h>

#include <random>
#include <sstream>

#include "base/id.h"
#include "core/action.h"
#include "core/snapshot.h"

namespace notaus::core {
namespace {

// "stop_all acme", "disable_writes *", "disable_tool acme mailer email.*": mode, then tenant, agent, tool; "*" = not given.
Stop stop_of(const std::string& line, int number) {
  std::istringstream in(line);
  std::string mode, tenant = "*", agent = "*", tool = "*";
  in >> mode >> tenant >> agent >> tool;
  auto field = [](const std::string& word) { return word == "*" ? "" : word; };
  Stop stop;
  stop.id = "s" + std::to_string(number);
  stop.selector = {field(tenant), field(agent), field(tool)};
  stop.mode = *mode_of(mode);
  return stop;
}

State state_of(const std::string& stops) {
  State state;
  state.epoch = std::string(32, 'e');
  state.catalogue = {{"crm.find", Effect::read}, {"browser.*", Effect::read}, {"browser.click.*", Effect::write}};
  std::istringstream lines(stops);
  for (std::string line; std::getline(lines, line, ',');)
    state.stops.push_back(stop_of(line, static_cast<int>(state.stops.size())));
  return state;
}

std::string ask(const State& state, const Call& call) {
  auto image = flatten(state, 1 << 20);
  auto snapshot = Snapshot::open(bytes_of(*image));
  Verdict verdict = decide(*snapshot, call, {});
  std::string out = verdict.why == Why::allowed ? "ok" : reason(verdict.why, call.tool);
  if (verdict.stop != Verdict::kNone) out += " by " + snapshot->stop_id(verdict.stop);
  return out;
}

TEST(Decide, ReadsLikeTheRunbook) {
  struct Row {
    const char* stops;
    const char* tenant;
    const char* agent;
    const char* tool;
    const char* verdict;
  } rows[] = {
      {"", "acme", "a", "email.send", "ok"},
      {"stop_all acme", "acme", "a", "email.send", "killed: stop_all by s0"},
      {"stop_all acme", "globex", "a", "email.send", "ok"},
      {"stop_all acme", "", "a", "crm.find", "killed: stop_all by s0"},  // who it is for is unknown: it might be acme
      {"disable_writes *", "globex", "a", "crm.find", "ok"},
      {"disable_writes *", "globex", "a", "unheard_of", "killed: writes_disabled:unheard_of by s0"},
      {"disable_writes *", "globex", "a", "browser.open", "ok"},
      {"disable_writes *", "globex", "a", "browser.click.left",
       "killed: writes_disabled:browser.click.left by s0"},  // longest match
      {"disable_writes *", "globex", "a", "", "ok"},  // a run's next step is a read
      {"stop_all *", "globex", "a", "", "killed: stop_all by s0"},
      {"disable_tool * * email.*", "acme", "a", "email.send", "killed: tool_disabled:email.send by s0"},
      {"disable_tool * * email.*", "acme", "a", "emailx", "ok"},
      {"disable_tool * * email.*", "acme", "a", "", "ok"},
      {"disable_tool acme * crm.find", "acme", "a", "crm.find", "killed: tool_disabled:crm.find by s0"},
      {"disable_tool acme bot crm.find", "acme", "a", "crm.find", "ok"},
      {"disable_writes *,disable_tool * * x,stop_all acme", "acme", "a", "x", "killed: stop_all by s2"},
      {"disable_writes *,disable_tool * * x,stop_all acme", "globex", "a", "x", "killed: tool_disabled:x by s1"},
      {"disable_writes globex,disable_writes *,disable_writes acme", "acme", "a", "x", "killed: writes_disabled:x by s1"},
      {"stop_all * mailer", "acme", "mailer", "x", "killed: stop_all by s0"},
      {"stop_all * mailer", "acme", "", "x", "killed: stop_all by s0"},
      {"stop_all acme mailer", "acme", "other", "x", "ok"},
  };
  for (const Row& row : rows)
    EXPECT_EQ(ask(state_of(row.stops), {.tenant = row.tenant, .agent = row.agent, .tool = row.tool}), row.verdict)
        << row.stops << " | " << row.tenant << " " << row.agent << " " << row.tool;
}

TEST(Decide, AFenceDeniesAndAnExpiredPermitDeniesWhatOnFenceSays) {
  State state = state_of("");
  state.permit_needed = true;
  auto why = [&](OnFence on_fence, const char* tool, std::int64_t now) {
    state.on_fence = on_fence;
    auto image = flatten(state, 1 << 20);
    Snapshot snapshot = Snapshot::trust(bytes_of(*image));
    snapshot.permit_until = {100};
    return decide(snapshot, {.tool = tool}, {now}).why;
  };
  EXPECT_EQ(why(OnFence::disable_writes, "email.send", 99), Why::allowed);
  EXPECT_EQ(why(OnFence::disable_writes, "email.send", 100), Why::permit_expired);
  EXPECT_EQ(why(OnFence::disable_writes, "crm.find", 100), Why::allowed);
  EXPECT_EQ(why(OnFence::stop_all, "crm.find", 100), Why::permit_expired);
  state.fence = Why::revision_went_back;
  EXPECT_EQ(why(OnFence::disable_writes, "crm.find", 99), Why::revision_went_back);
  EXPECT_EQ(decide(Snapshot(), {.tool = "crm.find"}, {}).why, Why::page_missing);  // absence never means go
}

TEST(Decide, ADeclaredWriteTightensAndADeclaredReadDoesNotLoosen) {
  State state = state_of("disable_writes *");
  EXPECT_EQ(ask(state, {.tool = "crm.find", .effect = Effect::write}), "killed: writes_disabled:crm.find by s0");
  EXPECT_EQ(ask(state, {.tool = "unheard_of", .effect = Effect::read}), "killed: writes_disabled:unheard_of by s0");
}

TEST(Snapshot, ManyStopsAgreeWithTheirSelectorsOneByOne) {
  std::mt19937 dice(7);
  auto pick = [&](std::initializer_list<const char*> names) { return names.begin()[dice() % names.size()]; };
  for (int round = 0; round < 200; ++round) {
    State state = state_of("");
    for (unsigned i = dice() % 40; i > 0; --i) {
      Stop stop;
      stop.id = std::to_string(state.stops.size());
      stop.selector = {pick({"", "acme", "globex", "initech"}), pick({"", "a", "b"}), pick({"", "", "x", "x.*", "x.y.*", "x.y.z"})};
      stop.mode = stop.selector.tool.empty() ? (dice() % 2 ? Mode::stop_all : Mode::disable_writes) : Mode::disable_tool;
      state.stops.push_back(stop);
    }
    auto image = flatten(state, 1 << 20);
    Snapshot snapshot = Snapshot::trust(bytes_of(*image));
    for (int i = 0; i < 100; ++i) {
      Call call{.tenant = pick({"", "acme", "globex", "hooli"}),
                .agent = pick({"", "a", "c"}),
                .tool = pick({"", "x", "x.y", "x.y.z", "y"})};
      for (Mode mode : {Mode::stop_all, Mode::disable_writes, Mode::disable_tool}) {
        std::uint32_t expected = Verdict::kNone;
        for (std::uint32_t n = 0; n < state.stops.size() && expected == Verdict::kNone; ++n)
          if (state.stops[n].mode == mode && matches(state.stops[n].selector, call)) expected = n;
        std::uint32_t found = mode == Mode::stop_all         ? snapshot.stops_all(call)
                              : mode == Mode::disable_writes ? snapshot.read_only(call)
                                                             : snapshot.disables(call);
        ASSERT_EQ(found, expected) << round << " " << text(mode) << " " << call.tenant << "/" << call.agent << "/" << call.tool;
      }
    }
  }
}

TEST(Fold, AResumeNeverWinsOverALaterStop) {
  Stop stop = stop_of("stop_all acme", 1);
  Action placed{.id = "1", .act = Act::stop, .by = "ana", .at = {}, .reason = "", .stop = stop, .target = ""};
  Action again = placed;
  again.id = "2";
  Action lifted{.id = "3", .act = Act::resume, .by = "bob", .at = {}, .reason = "ok", .stop = {}, .target = stop.id, .seen = 1};
  EXPECT_EQ(fold(std::string(32, 'e'), {placed, lifted})->stops.size(), 0u);
  EXPECT_EQ(fold(std::string(32, 'e'), {placed, again, lifted}).error().kind, Kind::refused);
  lifted.seen = 2;
  EXPECT_EQ(fold(std::string(32, 'e'), {placed, again, lifted})->revision, 3u);
  EXPECT_EQ(fold(std::string(32, 'e'), {lifted}).error().kind, Kind::gone);
}

TEST(Fold, LooseningTheCatalogueWaitsUntilNoStopStands) {
  State state = state_of("stop_all acme");
  Action approve{.id = "1", .act = Act::approve, .by = "ana", .at = {}, .reason = "", .stop = {}, .target = ""};
  approve.effects = {{"new.tool", Effect::read}};
  EXPECT_EQ(apply(state, approve).error().kind, Kind::refused);
  approve.effects = {{"crm.find", Effect::write}};
  EXPECT_EQ(apply(state, approve)->catalogue.at("crm.find"), Effect::write);
  state.stops.clear();
  approve.effects = {{"new.tool", Effect::read}};
  EXPECT_EQ(apply(state, approve)->catalogue.at("new.tool"), Effect::read);
  approve.act = Act::tighten;
  EXPECT_FALSE(apply(state, approve)->catalogue.contains("new.tool"));
}

}  // namespace
}  // namespace notaus::core
