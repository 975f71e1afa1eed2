// host/test_world.h: a whole state of a test's own: ledger, page, durable file, log, and the accidents that happen to them. Included by
// tests alone.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "base/id.h"
#include "host/host.h"
#include "page/durable.h"

namespace notaus::host {

namespace fs = std::filesystem;

constexpr Patience kPatience{2000};

// A state directory of a test's own.
struct World {
  Site site{{(fs::temp_directory_path() / ("notaus-host-" + new_id())).string()}, "here"};

  World() { EXPECT_TRUE(create(site)); }
  // Whoever was not waited for, as the audit of a stop on a slow disk, may be writing still.
  ~World() {
    std::error_code error;
    for (int tries = 0; tries < 100 && (fs::remove_all(site.state.path, error), error); ++tries)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }

  core::State append(core::Action action) {
    action.id = new_id();
    action.by = "ana";
    action.at = wall_now();
    return open_ledger(site, kPatience).value()->append(action).value();
  }
  // In the ledger, on the page and in the durable file, as `notaus stop` leaves it.
  core::Stop stop(const std::string& tenant, core::Mode mode = core::Mode::stop_all) {
    core::Action action;
    action.stop = {.id = new_id(), .selector = {.tenant = tenant}, .mode = mode, .by = "ana"};
    append(action);
    settle();
    return action.stop;
  }
  void lift(const core::Stop& stop) {
    core::Action action;
    action.act = core::Act::resume;
    action.reason = "over";
    action.target = stop.id;
    action.seen = open_ledger(site, kPatience).value()->read()->revision;
    append(action);
    settle();
  }
  // Of this host alone; no ledger hears of it.
  core::Stop stop_here(const std::string& tenant) {
    auto page = page::Publisher::open(site.state).value();
    core::Stop stop{.id = new_id(), .selector = {.tenant = tenant}, .mode = core::Mode::stop_all, .by = "ana"};
    auto shown = page.add_local(lock(), stop).value();
    EXPECT_TRUE(page::write_durable(site.state, shown, kPatience));
    return stop;
  }
  page::PageLock lock() const { return page::PageLock::take(site.state, kPatience).value(); }
  void settle() const { EXPECT_TRUE(page::write_durable(site.state, sync(site, kPatience)->state, kPatience)); }
  // As after a boot: what is in memory is gone.
  void lose_page() const { fs::remove(site.state.page()); }
  void copy_ledger(const std::string& to) const {
    for (const char* tail : {"", "-wal", "-shm"}) {
      fs::remove(to + tail);
      if (fs::exists(site.state.ledger() + tail)) fs::copy_file(site.state.ledger() + tail, to + tail);
    }
  }
  void put_ledger(const std::string& from) const {
    for (const char* tail : {"", "-wal", "-shm"}) {
      fs::remove(site.state.ledger() + tail);
      if (fs::exists(from + tail)) fs::copy_file(from + tail, site.state.ledger() + tail);
    }
  }
  [[nodiscard]] std::string aside() const { return site.state.path + "/.aside"; }
  void lose_ledger() const {
    for (const char* tail : {"", "-wal", "-shm"}) fs::remove(site.state.ledger() + tail);
  }
  // Of the durable file: 0 or 1.
  void damage_half(std::size_t half) const {
    Fd file = open_file(site.state.durable(), O_RDWR).value();
    ASSERT_TRUE(write_at(file.get(), "garbage", 7, half * page::kHalfSize + page::kHalfHead + 40));
  }
};

inline std::string answer(const core::State& state, const Call& call) {
  auto image = core::flatten(state, page::kImageMax).value();
  return reason(core::decide(core::Snapshot::open(core::bytes_of(image)).value(), call, {}).why, call.tool);
}

inline std::string answer(const World& world, const Call& call) {
  auto page = page::Publisher::open(world.site.state);
  return page ? answer(page->current().value(), call) : "no page";
}

inline Call of(std::string_view tenant) { return {.tenant = tenant, .agent = "a", .tool = "email.send"}; }

}  // namespace notaus::host
