// A page that needs a permit from the ledger: it runs out by itself, without a flip that anyone could notice.
#include <gtest/gtest.h>

#include <notaus/guard.hpp>

#include "page/test_world.h"

namespace notaus::page {
namespace {

constexpr Call kSend{.tenant = "acme", .agent = "mailer", .tool = "email.send"};
constexpr Call kFind{.tenant = "acme", .agent = "mailer", .tool = "crm.find"};
constexpr std::int64_t kHour = 3'600'000'000'000;

struct Leased : World {
  Leased() {
    says.permit_needed = true;
    publish();
  }
  void permit_for(std::int64_t ns) { head().permit_until = boot_now().ns + ns; }
  PageHead& head() { return page.head(); }

  LivePage page = LivePage::open(state, Access::write).value();
  Guard guard = Guard::open({.state = state.path});
};

TEST(Lease, AdmitsUntilItIsOver) {
  struct Row {
    std::int64_t left;
    core::OnFence on_fence;
    const char* write;
    const char* read;
  } rows[] = {
      {kHour, core::OnFence::disable_writes, "ok", "ok"},
      {0, core::OnFence::disable_writes, "killed: fenced:permit_expired", "ok"},
      {0, core::OnFence::stop_all, "killed: fenced:permit_expired", "killed: fenced:permit_expired"},
      {kHour, core::OnFence::stop_all, "ok", "ok"},
  };
  Leased world;
  EXPECT_EQ(ask(world.guard, kSend), "killed: fenced:permit_expired") << "nobody has given one yet";
  for (const Row& row : rows) {
    world.says.on_fence = row.on_fence;
    world.publish();
    world.permit_for(row.left);
    EXPECT_EQ(ask(world.guard, kSend), row.write) << row.left;
    EXPECT_EQ(ask(world.guard, kFind), row.read) << row.left;
  }
}

TEST(Lease, IsAskedForAtEachAdmissionOfAHandleAndAtEachRecheck) {
  Leased world;
  world.permit_for(kHour);
  Handle handle = world.guard.handle(kSend);
  ASSERT_TRUE(handle.admit());
  Admission early = handle.admit();
  EXPECT_FALSE(early.permit().recheck());
  world.permit_for(0);
  EXPECT_EQ(handle.admit().denial().reason, "killed: fenced:permit_expired");
  EXPECT_EQ(handle.admit().denial().help, "see `notaus status --state " + world.state.path + "`");
  EXPECT_EQ(early.permit().recheck().value().reason, "killed: fenced:permit_expired");
  world.permit_for(kHour);
  EXPECT_TRUE(handle.admit());
}

// Two time namespaces count CLOCK_BOOTTIME from different beginnings.
TEST(Lease, OfAnotherClockIsNone) {
  Leased world;
  world.permit_for(kHour);
  world.head().time_namespace ^= 1;
  EXPECT_EQ(ask(world.guard, kSend), "killed: fenced:clock_foreign");
  EXPECT_EQ(ask(world.guard, kFind), "killed: fenced:clock_foreign");
  world.says.permit_needed = false;
  world.publish();
  EXPECT_EQ(ask(world.guard, kSend), "ok") << "without a permit there is no clock to differ";
}

}  // namespace
}  // namespace notaus::page
