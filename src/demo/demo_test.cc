// What the demo concludes is only as good as these: each breach of the promise must be one here, too.
#include <gtest/gtest.h>

#include "demo/facts.h"
#include "demo/smtp.h"
#include "demo/voice.h"

namespace notaus::demo {
namespace {

SunkMail mail(std::int64_t at, const std::string& from, const std::string& to = "a@b", const std::string& body = "hello") {
  return {{at}, from, to, "From: " + from + "\nTo: " + to + "\n\n" + body};
}

constexpr const char* kOutput =
    "in flight when it stopped: 2\n"
    "  running  email.send  acme/mailer-1  since 2026-11-22T09:14:44.571Z  mcp:notaus-11602-d9pxwx/0.103\n"
    "  not_sent email.send  acme/worker-1  since 2026-11-22T09:14:44.570Z  mcp:notaus-11603-k3j2aa/0.7\n"
    "lift it:         notaus resume danbpywaxzwvd --reason \"…\"\n"
    "stopped tenant=acme mode=disable_writes revision=2 hosts=1/1 points=5 in_flight=2 in 9.3 ms by ana: dup mails\n";

TEST(Demo, reads_the_list_that_the_stop_prints) {
  auto calls = listed_calls(kOutput);
  ASSERT_EQ(calls.size(), 2);
  EXPECT_EQ(calls[0].outcome, "running");
  EXPECT_EQ(calls[0].tenant, "acme");
  EXPECT_EQ(calls[0].agent, "mailer-1");
  EXPECT_EQ(calls[0].id, "mcp:notaus-11602-d9pxwx/0.103");
  EXPECT_EQ(stop_id(kOutput), "danbpywaxzwvd");
  EXPECT_EQ(stop_id("NOT STOPPED: tenant=acme"), "");
}

TEST(Demo, a_listed_call_excuses_one_mail_of_its_agent) {
  struct Row {
    std::vector<SunkMail> mails;
    std::size_t listed, breaches;
  } rows[] = {
      {{mail(9, "mailer-1@acme.example"), mail(10, "worker-2@acme.example")}, 0, 0},  // until the stop had ended
      {{mail(11, "mailer-1@acme.example")}, 1, 0},
      {{mail(11, "mailer-1@acme.example"), mail(12, "mailer-1@acme.example")}, 1, 1},  // it was one call
      {{mail(11, "worker-1@acme.example")}, 0, 1},                                     // listed as not sent
      {{mail(11, "worker-2@acme.example")}, 0, 1},                                     // not listed
      {{mail(11, "mailer-1@globex.example")}, 0, 0},                                   // not stopped
  };
  for (const Row& row : rows) {
    AfterStop seen = after_stop("acme", {10}, row.mails, listed_calls(kOutput));
    EXPECT_EQ(seen.listed, row.listed) << row.mails.back().from;
    EXPECT_EQ(seen.breaches, row.breaches) << row.mails.back().from;
  }
}

TEST(Demo, a_repeat_has_the_same_recipient_and_body) {
  EXPECT_EQ(repeats({mail(1, "x@acme.example"), mail(2, "y@acme.example"), mail(3, "x@acme.example", "c@d"),
                     mail(4, "x@acme.example", "a@b", "bye")}),
            1);
}

TEST(Demo, each_claim_that_does_not_hold_is_named) {
  WithoutNotaus without{.before = 32, .after = 85};
  WithNotaus good{.stop_exit = 0,
                  .resume_exit = 0,
                  .after = {.listed = 1},
                  .held_was_listed = true,
                  .held_outcome = "done",
                  .reads_after = 9,
                  .denied_after = 9,
                  .others_after = 9,
                  .after_resume = 9};
  EXPECT_TRUE(shortfalls(without, good).empty());
  EXPECT_EQ(shortfalls({}, good).size(), 1);
  void (*spoil[])(WithNotaus&) = {
      [](WithNotaus& w) { w.stop_exit = 3; },           [](WithNotaus& w) { w.after.breaches = 1; },
      [](WithNotaus& w) { w.held_was_listed = false; }, [](WithNotaus& w) { w.held_outcome = "unknown"; },
      [](WithNotaus& w) { w.denied_after = 0; },        [](WithNotaus& w) { w.reads_after = 0; },
      [](WithNotaus& w) { w.others_after = 0; },        [](WithNotaus& w) { w.failed = 1; },
      [](WithNotaus& w) { w.report_done = 1; },         [](WithNotaus& w) { w.report_repeats = 1; },
      [](WithNotaus& w) { w.agents_denied = 1; },       [](WithNotaus& w) { w.resume_exit = 1; },
      [](WithNotaus& w) { w.after_resume = 0; },
  };
  for (std::size_t i = 0; i < std::size(spoil); ++i) {
    WithNotaus bad = good;
    spoil[i](bad);
    EXPECT_EQ(shortfalls(without, bad).size(), 1) << i;
  }
}

TEST(Demo, the_mail_server_takes_a_whole_mail_and_nothing_less) {
  SmtpSession session;
  EXPECT_EQ(session.hear("DATA").reply.substr(0, 3), "503");
  EXPECT_EQ(session.hear("RCPT TO:<a@b>").reply.substr(0, 3), "503");
  for (const char* line : {"EHLO x", "MAIL FROM:<m@acme.example>", "RCPT TO:<a@b>", "rcpt to:<c@d>"})
    EXPECT_EQ(session.hear(line).reply.substr(0, 3), "250") << line;
  EXPECT_EQ(session.hear("DATA").reply.substr(0, 3), "354");
  EXPECT_FALSE(session.hear("..dot").mail);
  auto step = session.hear(".");
  ASSERT_TRUE(step.mail);
  EXPECT_EQ(step.mail->text, ".dot\n");
  EXPECT_EQ(step.mail->to, (std::vector<std::string>{"a@b", "c@d"}));
  EXPECT_EQ(session.hear("VRFY x").reply.substr(0, 3), "502");
  EXPECT_TRUE(session.hear("QUIT").bye);
}

TEST(Demo, wraps_at_spaces) {
  EXPECT_EQ(wrapped("short", 10), std::vector<std::string>{"short"});
  EXPECT_EQ(wrapped("  one two  three", 12), (std::vector<std::string>{"  one two", "    three"}));
  EXPECT_EQ(wrapped("nothing-to-break-here", 10), std::vector<std::string>{"nothing-to-break-here"});
}

}  // namespace
}  // namespace notaus::demo
