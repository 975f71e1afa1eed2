#include <fcntl.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include <fmt/format.h>

#include <fmt/ranges.h>
#include "base/json.h"

#include "demo/act.h"

namespace notaus::demo {
namespace {

constexpr std::uint64_t kTries = kIncident - kNoticed;  // as many as went out in the first act after the switch
constexpr std::size_t kFlowing = 16;                    // mails that show that acme sends again

class Act {
 public:
  Act(const Set& set, Stage& stage) : set_(set), stage_(stage) {}

  Result<> play() {
    for (auto scene : {&Act::make_state, &Act::begin, &Act::stop, &Act::watch, &Act::report, &Act::resume})
      if (auto played = (this->*scene)(); !played) return played;
    return {};
  }

  WithNotaus facts;

 private:
  Result<> make_state();
  Result<> begin();
  Result<> stop();
  Result<> watch();
  Result<> report();
  Result<> resume();

  // As an operator would: the command and all that it prints are shown.
  Result<Answer> type(const std::vector<std::string>& words);
  Result<Json> ask(const std::vector<std::string>& words);  // one that prints JSON lines, unseen
  Result<> read_report();
  Result<> until_the_report_is_fresh();
  Result<std::string> outcome_of(const std::string& call);
  void print_table(const std::vector<SunkMail>& mails);
  [[nodiscard]] std::vector<std::string> argv(const std::vector<std::string>& words) const;

  const Set& set_;
  Stage& stage_;
  BootTime first_{}, stopped_{};
  std::string stop_id_, held_call_, heard_;
  std::vector<ListedCall> listed_;
  Deeds acme_before_, acme_then_;  // when the stop was typed, and when it had ended
};

std::vector<std::string> Act::argv(const std::vector<std::string>& words) const {
  std::vector<std::string> out = {set_.self};
  out.insert(out.end(), words.begin(), words.end());
  return out;
}

Result<Answer> Act::type(const std::vector<std::string>& words) {
  std::vector<std::string> shown;
  for (const std::string& word : words) shown.push_back(word.find(' ') == std::string::npos ? word : "\"" + word + "\"");
  set_.voice.typed(fmt::format("notaus {}", fmt::join(shown, " ")));
  auto answer = stage_.run(argv(words));
  if (answer) set_.voice.quote(answer->text);
  return answer;
}

Result<Json> Act::ask(const std::vector<std::string>& words) {
  auto answer = stage_.run(argv(words));
  if (!answer) return std::unexpected(answer.error());
  Json out = Json::array();
  std::istringstream lines(answer->text);
  for (std::string line; std::getline(lines, line);)
    if (Json one = Json::parse(line, nullptr, false); one.is_object()) out.push_back(std::move(one));
  return out;
}

Result<> Act::make_state() {
  const std::string config = set_.scratch + "/notaus.yaml", state = set_.scratch + "/state";
  auto file = open_file(config, O_WRONLY | O_CREAT | O_TRUNC);
  if (!file) return std::unexpected(file.error());
  if (auto wrote = write_all(file->get(), "tools: { crm.find: read, email.send: write }\n"); !wrote) return wrote;
  auto made = stage_.run(argv({"init", "--state", state, "--config", config}));
  if (!made) return std::unexpected(made.error());
  if (made->exit != 0) return trouble(Kind::broken, "notaus init: " + made->text);
  setenv("NOTAUS_STATE", state.c_str(), 1);  // ours and our children's: the operator below types no --state
  setenv("NOTAUS_CONFIG", config.c_str(), 1);
  return {};
}

Result<> Act::begin() {
  auto wrapper = [this](const std::string& tenant, const std::string& agent) {
    return argv({"mcp", "--state", set_.scratch + "/state", "--tenant", tenant, "--agent", agent, "--"});
  };
  if (auto ready = enter_cast(set_, stage_, wrapper); !ready) return ready;
  if (auto sent = until_acme_has_sent(stage_, 1); !sent) return sent;
  first_ = acme_mails(stage_).front().at;
  set_.voice.moment(0, "acme's first mail goes out");
  return until_acme_has_sent(stage_, kNoticed);
}

// The mail server keeps one mail waiting, so that the stop meets a call that it can no longer take back.
Result<> Act::stop() {
  stage_.sink().hold_next(address("acme", "mailer-1"));
  if (auto held = stage_.until("a mail in flight", [&] { return stage_.sink().holds(); }); !held) return held;
  const BootTime now = boot_now();
  set_.voice.moment(seconds_between(first_, now), fmt::format("{} mails are out, one more is with the mail server. Somebody types:",
                                                              taken_until(now, acme_mails(stage_))));
  acme_before_ = stage_.deeds("acme");
  Answer answer{.exit = 0, .asked = now, .ended = now, .text = {}};
  if (set_.stop == Stop::issued) {
    auto typed = type({"stop", "--tenant", "acme", "--reason", "duplicate mails"});
    if (!typed) return std::unexpected(typed.error());
    answer = *std::move(typed);
  }
  stopped_ = answer.ended;
  acme_then_ = stage_.deeds("acme");
  stop_id_ = stop_id(answer.text);
  listed_ = listed_calls(answer.text);
  facts.stop_exit = answer.exit;
  facts.stop_ms = 1000 * seconds_between(answer.asked, answer.ended);
  facts.listed = listed_.size();
  facts.before = taken_until(stopped_, acme_mails(stage_));
  auto held =
      std::ranges::find_if(listed_, [](const ListedCall& call) { return call.agent == "mailer-1" && call.outcome == "running"; });
  facts.held_was_listed = held != listed_.end();
  if (facts.held_was_listed) held_call_ = held->id;
  stage_.sink().release();
  return stage_.until("the mail in flight", [&] { return !stage_.sink().holds(); });
}

// Long enough for what went out in the first act to be tried again.
Result<> Act::watch() {
  auto tried = [](const Deeds& deeds) { return deeds.sent + deeds.denied; };
  auto watched = stage_.until("acme's agents to try on", [&] { return tried(stage_.deeds("acme")) >= tried(acme_then_) + kTries; });
  if (!watched) return watched;
  const Deeds acme = stage_.deeds("acme");
  heard_ = acme.denial;
  const auto mails = stage_.sink().mails();
  const auto others = mails_of("globex", mails);
  facts.after = after_stop("acme", stopped_, mails, listed_);
  facts.denied_after = acme.denied - acme_before_.denied;
  facts.reads_after = acme.reads - acme_then_.reads;
  facts.others_after = others.size() - taken_until(stopped_, others);
  set_.voice.say("");
  set_.voice.moment(seconds_between(first_, boot_now()), "What happened since, in numbers:");
  print_table(mails);
  return {};
}

void Act::print_table(const std::vector<SunkMail>& mails) {
  const auto others = mails_of("globex", mails);
  auto row = [this](const char* what, std::uint64_t before, std::uint64_t after, const std::string& note) {
    set_.voice.say(fmt::format("           {:28}{:>6}{:>9}{}{}", what, before, after, note.empty() ? "" : "  ", note));
  };
  std::string note = facts.after.breaches > 0 ? "NOT LISTED by the stop"
                     : facts.after.listed > 0 ? "the one on the list, which was on its way"
                                              : "";
  set_.voice.say(fmt::format("           {:28}{:>6}{:>9}", "", "before", "after"));
  row("acme, mails delivered", facts.before, facts.after.listed + facts.after.breaches, note);
  row("acme, mails denied", acme_before_.denied, facts.denied_after, shown(heard_));
  row("acme, CRM look-ups", acme_then_.reads, facts.reads_after, "reads go on");
  row("globex, mails delivered", others.size() - facts.others_after, facts.others_after, "nobody else is stopped");
}

Result<std::string> Act::outcome_of(const std::string& call) {
  auto log = ask({"audit", "list", "--json", "--tenant", "acme"});
  if (!log) return std::unexpected(log.error());
  for (const Json& record : *log)
    if (record.value("kind", "") == "admitted_write" && record.value("call", "") == call) return record.value("outcome", "");
  return std::string("not in the log");
}

Result<> Act::read_report() {
  auto report = ask({"audit", "report", "--json", "--stop", stop_id_});
  if (!report) return std::unexpected(report.error());
  for (const Json& one : *report)
    for (const Json& row : one.value("rows", Json::array())) {
      if (row.value("tenant", "") != "acme" || row.value("tool", "") != "email.send") continue;
      facts.report_done = row.value("done", 0u);
      facts.report_repeats = row.value("repeated", 0u);
      facts.report_denied = row.value("denied", 0u);
    }
  return {};
}

// A gate hands its records on once a second. So the report is asked until it has what the agents had seen when it was first asked, or
// until so much more has been denied that this second must be over.
Result<> Act::until_the_report_is_fresh() {
  facts.agents_denied = stage_.deeds("acme").denied;
  for (std::uint64_t seen = facts.agents_denied; seen < facts.agents_denied + 3 * kTries / 2;) {
    if (auto read = read_report(); !read) return read;
    if (facts.report_denied >= facts.agents_denied) break;
    seen = stage_.deeds("acme").denied + 4;
    if (auto more = stage_.until("more denials", [&] { return stage_.deeds("acme").denied >= seen; }); !more) return more;
  }
  return {};
}

Result<> Act::report() {
  if (stop_id_.empty()) return {};
  const auto mails = acme_mails(stage_);
  facts.sink_mails = mails.size();
  facts.sink_repeats = repeats(mails);
  if (auto fresh = until_the_report_is_fresh(); !fresh) return fresh;
  if (auto shown = type({"audit", "report", "--stop", stop_id_}); !shown) return std::unexpected(shown.error());
  auto outcome = outcome_of(held_call_);
  if (outcome) facts.held_outcome = *outcome;
  return outcome ? Result<>() : std::unexpected(outcome.error());
}

Result<> Act::resume() {
  if (stop_id_.empty()) return {};
  const std::size_t then = acme_mails(stage_).size();
  auto answer = type({"resume", stop_id_, "--reason", "prompt rolled back"});
  if (!answer) return std::unexpected(answer.error());
  facts.resume_exit = answer->exit;
  if (answer->exit != 0) return {};
  if (auto sent = until_acme_has_sent(stage_, then + kFlowing); !sent) return sent;
  facts.after_resume = acme_mails(stage_).size() - then;
  facts.failed = stage_.deeds("acme").failed + stage_.deeds("globex").failed;
  set_.voice.say("");
  set_.voice.moment(seconds_between(first_, boot_now()), fmt::format("acme sends again: {} mails.", facts.after_resume));
  return {};
}

}  // namespace

Result<WithNotaus> act_with(const Set& set) {
  auto stage = Stage::open(set.ends);
  if (!stage) return std::unexpected(stage.error());
  Act act(set, **stage);
  if (auto played = act.play(); !played) return std::unexpected(played.error());
  return act.facts;
}

}  // namespace notaus::demo
