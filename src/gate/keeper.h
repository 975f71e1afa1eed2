// gate/keeper.h: keeps the time of all MCP dialogues, on one lane for all of them: what a stop wants ended, and what is forgotten.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "gate/hub.h"
#include "gate/site.h"

namespace notaus::gate {

class Keeper final : public net::Timed {
 public:
  // `site`: the present one. All outlive it.
  Keeper(net::Loop& loop, Hub& hub, std::function<std::shared_ptr<const Site>()> site);

  void page_changed();
  void tick(BootTime now) override { keep_time(now); }

 private:
  void keep_time(BootTime now);
  void say(const std::shared_ptr<Dialogue>& to, std::string line);

  using Timer =
      net::asio::basic_waitable_timer<std::chrono::steady_clock, net::asio::wait_traits<std::chrono::steady_clock>, net::Executor>;

  net::Loop& loop_;
  Hub& hub_;
  std::function<std::shared_ptr<const Site>()> site_;
  Timer due_;
};

}  // namespace notaus::gate
