// gate/test_world.h: for tests: a state directory with a real live page, and stops placed on it.
#pragma once

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <utility>

#include "base/must.h"
#include "core/state.h"
#include "page/publisher.h"
#include "page/scan.h"

namespace notaus::gate::test {

class World {
 public:
  World() : state_{make_directory()} {
    must(page::make_directories(state_).has_value());
    must(page::make_file(state_.lock(), 0, 0600).has_value());
    auto initial = says("");
    must(page::Publisher::replace(state_, lock(), initial).has_value());
  }
  World(const World&) = delete;
  ~World() { std::filesystem::remove_all(state_.path); }

  // "stop_all *", "disable_writes acme", "disable_tool * email.send"; nothing: all is lifted.
  void stop(const std::string& line = "") {
    stop_quietly(line);
    page::Publisher::open(state_)->wake();
  }
  // With --cancel.
  void end(const std::string& line, std::chrono::milliseconds grace) {
    grace_ = grace;
    stop(line);
    grace_.reset();
  }

  // As a publisher does that dies before it can wake anyone.
  void stop_quietly(const std::string& line) {
    auto publisher = page::Publisher::open(state_);
    must(publisher.has_value());
    must(publisher->publish(lock(), says(line)).has_value());
  }

  [[nodiscard]] std::string in_flight() const {  // "crm.find email.send ", by name
    std::multiset<std::string> calls;
    for (const auto& point : page::scan(state_))
      for (const auto& call : point.calls)
        calls.insert(std::string(call.call().tool) + (call.outcome == Outcome::running ? " " : "! "));
    std::string out;
    for (const std::string& call : calls) out += call;
    return out;
  }

  [[nodiscard]] std::uint64_t denied() const {  // how many calls, by anybody
    std::uint64_t count = 0;
    for (const auto& point : page::scan(state_)) {
      bool alive = false;
      auto file = page::read_slots(state_, point.process, alive);
      if (!file) continue;
      for (const page::Tally& tally : (*file)->tallies)
        if (tally.used.load() != 0) count += tally.total;
    }
    return count;
  }

  [[nodiscard]] const std::string& path() const { return state_.path; }

 private:
  static std::string make_directory() {
    std::string name = std::filesystem::temp_directory_path() / "notaus-gate-XXXXXX";
    must(mkdtemp(name.data()) != nullptr);
    return name;
  }
  page::PageLock lock() {
    auto lock = page::PageLock::take(state_, std::chrono::seconds(1));
    must(lock.has_value());
    return std::move(*lock);
  }
  core::State says(const std::string& line) {
    core::State state;
    state.epoch = std::string(32, 'e');
    state.revision = ++revision_;
    state.catalogue = {{"crm.find", Effect::read}};
    std::istringstream words(line);
    std::string mode, tenant = "*", tool = "*";
    if (words >> mode >> tenant) {
      words >> tool;
      core::Stop stop;
      stop.id = "s1";
      stop.mode = *core::mode_of(mode);
      stop.selector = {tenant == "*" ? "" : tenant, "", tool == "*" ? "" : tool};
      stop.grace = grace_;
      state.stops.push_back(stop);
    }
    return state;
  }

  std::optional<std::chrono::milliseconds> grace_;
  page::StateDir state_;
  std::uint64_t revision_ = 0;
};

}  // namespace notaus::gate::test
