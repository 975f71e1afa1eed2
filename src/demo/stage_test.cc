#include "demo/stage.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <csignal>
#include <future>

#include "demo/smtp.h"

namespace notaus::demo {
namespace {

Mail mail(const std::string& from) { return {.from = from, .to = {"a@b"}, .text = "Subject: x\n\n.hidden dot\n"}; }

TEST(Stage, a_mail_is_there_when_its_sender_knows) {
  const Ends ends = ends_within(20);
  auto stage = Stage::open(ends);
  ASSERT_TRUE(stage);
  ASSERT_TRUE(send_mail((*stage)->sink().port(), mail("m@acme.example")));
  auto mails = (*stage)->sink().mails();
  ASSERT_EQ(mails.size(), 1);
  EXPECT_EQ(mails[0].text, "Subject: x\n\n.hidden dot\n");
}

TEST(Stage, a_held_mail_is_neither_taken_nor_answered) {
  const Ends ends = ends_within(20);
  auto stage = Stage::open(ends);
  ASSERT_TRUE(stage);
  Sink& sink = (*stage)->sink();
  sink.hold_next("m@acme.example");
  auto sent = std::async(std::launch::async, [&] { return send_mail(sink.port(), mail("m@acme.example")); });
  ASSERT_TRUE((*stage)->until("the hold", [&] { return sink.holds(); }));
  ASSERT_TRUE(send_mail(sink.port(), mail("other@acme.example")));
  EXPECT_EQ(sink.mails().size(), 1);
  EXPECT_EQ(sent.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  const BootTime released = boot_now();
  sink.release();
  EXPECT_TRUE(sent.get());
  ASSERT_EQ(sink.mails().size(), 2);
  EXPECT_GE(sink.mails()[1].at, released);
}

TEST(Stage, does_not_wait_for_ever) {
  const Ends ends = ends_within(0);
  auto stage = Stage::open(ends);
  ASSERT_TRUE(stage);
  auto waited = (*stage)->until("the moon", [] { return false; });
  ASSERT_FALSE(waited);
  EXPECT_EQ(waited.error().what, "out of time, waiting for the moon");
}

TEST(Stage, names_an_agent_that_ends_by_itself) {
  const Ends ends = ends_within(20);
  auto stage = Stage::open(ends);
  ASSERT_TRUE(stage);
  ASSERT_TRUE((*stage)->enter("acme", {"/bin/sh", "-c", "echo no such thing >&2"}));
  auto waited = (*stage)->until("a mail", [] { return false; });
  ASSERT_FALSE(waited);
  EXPECT_EQ(waited.error().what, "an agent of acme ended by itself: no such thing");
}

TEST(Stage, a_command_has_ended_when_run_returns) {
  const Ends ends = ends_within(20);
  auto stage = Stage::open(ends);
  ASSERT_TRUE(stage);
  auto answer = (*stage)->run({"/bin/sh", "-c", "echo out; echo err >&2; exit 8"});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->exit, 8);
  EXPECT_EQ(answer->text, "out\nerr\n");
  EXPECT_LT(answer->asked, answer->ended);
}

TEST(Child, ends_with_its_group_whatever_it_thinks_of_that) {
  auto child =
      Child::start({"/bin/sh", "-c", "trap '' TERM; sleep 100 & echo $!; while :; do sleep 100; done"}, Child::Stderr::ours);
  ASSERT_TRUE(child);
  while (!child->next_line() && child->talks()) child->hear();
  child->end(std::chrono::milliseconds(0));
  EXPECT_EQ(child->status(), 128 + SIGKILL);
}

}  // namespace
}  // namespace notaus::demo
