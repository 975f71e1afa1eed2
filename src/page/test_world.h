// page/test_world.h: a state directory of a test's own, an operator's hand on its page, and (test_process.h) a process that asks it. Included
// by tests alone.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include <notaus/guard.hpp>

#include "base/id.h"
#include "base/test_within.h"
#include "page/durable.h"
#include "page/point.h"
#include "page/publisher.h"
#include "page/spool.h"
#include "page/test_process.h"

namespace notaus::page {

// Before any test: what looks often is waited for less.
inline const struct Hurry {
  Hurry() { Point::round = std::chrono::milliseconds(20); }
} kHurry;

struct World {
  StateDir state{(std::filesystem::temp_directory_path() / ("notaus-test-" + new_id())).string()};
  core::State says;  // what the page says
  std::optional<Publisher> publisher;

  World() {
    says.epoch = new_epoch();
    says.catalogue = {{"crm.find", Effect::read}};
    (void)make_directories(state);
    (void)make_file(state.lock(), 0, 0600);
    (void)make_durable(state);
    replace();
  }
  ~World() { std::filesystem::remove_all(state.path); }

  PageLock lock() { return PageLock::take(state, std::chrono::seconds(5)).value(); }
  void replace() { publisher.emplace(Publisher::replace(state, lock(), says).value()); }
  void publish() {
    ++says.revision;
    says = publisher->publish(lock(), says).value();
  }
  core::Stop stop(core::Mode mode, core::Selector selector) {
    core::Stop placed{.id = new_id(), .selector = std::move(selector), .mode = mode, .by = "ana"};
    says.stops.push_back(placed);
    publish();
    return placed;
  }
  void resume_all() {
    says.stops.clear();
    publish();
  }
};

// "ok", or why not.
inline std::string ask(Guard& guard, const Call& call) {
  Admission admission = guard.admit(call);
  if (!admission) return admission.denial().reason;
  admission.permit().done(Outcome::done);
  return "ok";
}

// What all points have spooled, each record as it lies there.
inline std::vector<std::string> spooled(const World& world) {
  std::vector<std::string> out;
  for (Segment& segment : list_segments(world.state))
    if (read_segment(segment, 0))
      for (const SpoolRecord& record : segment.records) out.push_back(record.json);
  return out;
}

}  // namespace notaus::page
