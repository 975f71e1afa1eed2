// Without memory: whatever a customer's process runs out of, the guard neither throws nor ends it.
#if !__has_feature(thread_sanitizer)  // which brings an operator new of its own
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <new>

#include <notaus/guard.hpp>

#include "page/scan.h"
#include "page/test_world.h"

namespace {

thread_local bool without_memory = false;

struct NoMemory {
  NoMemory() { without_memory = true; }
  ~NoMemory() { without_memory = false; }
};

}  // namespace

void* operator new(std::size_t size) {
  void* memory = without_memory ? nullptr : std::malloc(size);
  return memory != nullptr ? memory : throw std::bad_alloc();
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return without_memory ? nullptr : std::malloc(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace notaus::page {
namespace {

constexpr Call kSend{
    .tenant = "acme", .agent = "mailer", .run = "run-7", .tool = "email.send", .effect = Effect::write, .args = "{}"};

TEST(NoMemory, IsNeededToAdmit) {
  World world;
  Guard guard = Guard::open({.state = world.state.path});
  Handle handle = guard.handle(kSend);
  bool admitted = true;
  {
    NoMemory none;
    for (int i = 0; i < 3; ++i) {
      Admission plain = guard.admit(kSend), again = handle.admit("{}");
      admitted = admitted && plain && again && !plain.permit().recheck() && !again.permit().recheck() && !guard.check(kSend);
    }
  }
  EXPECT_TRUE(admitted);
}

TEST(NoMemory, ToSayWhyStillDenies) {
  World world;
  Guard guard = Guard::open({.state = world.state.path});
  Handle handle = guard.handle(kSend);
  Admission before = guard.admit(kSend);
  ASSERT_TRUE(before);
  world.stop(core::Mode::stop_all, {});
  std::array<Why, 4> whys{};
  bool same_words = false;
  {
    NoMemory none;
    Admission plain = guard.admit(kSend), again = handle.admit("{}");
    auto checked = guard.check(kSend), rechecked = before.permit().recheck();
    if (!plain && !again && checked && rechecked) whys = {plain.denial().why, again.denial().why, checked->why, rechecked->why};
    same_words = !plain && plain.denial().reason == "killed: fenced:guard_fault";
  }
  for (Why why : whys) EXPECT_EQ(why, Why::guard_fault);
  EXPECT_TRUE(same_words);
  EXPECT_TRUE(scan(world.state).at(0).calls.empty()) << "no slot is kept";
  EXPECT_EQ(guard.admit(kSend).denial().reason, "killed: stop_all");
}

TEST(NoMemory, AndNoPageDenies) {
  World world;
  std::filesystem::remove(world.state.page());
  Guard guard = Guard::open({.state = world.state.path});
  Why why = Why::allowed;
  {
    NoMemory none;
    if (Admission admission = guard.admit(kSend); !admission) why = admission.denial().why;
    guard.refused(kSend, "no id");
  }
  EXPECT_EQ(why, Why::guard_fault);
  EXPECT_EQ(guard.admit(kSend).denial().why, Why::page_missing);
}

}  // namespace
}  // namespace notaus::page
#endif
