#include "net/loop.h"

#include <chrono>
#include <exception>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

namespace notaus::net {

Loop::Loop() { tick(); }

void Loop::run() {
  auto alive = asio::make_work_guard(context_);
  context_.run();
}

void Loop::post(std::function<void()> work) { asio::post(context_, std::move(work)); }

void Loop::start(Task<> task) {
  asio::co_spawn(context_, std::move(task), [](const std::exception_ptr& thrown) {
    if (thrown) std::rethrow_exception(thrown);
  });
}

void Loop::tick() {
  timer_.expires_after(std::chrono::nanoseconds(kTickNs));
  timer_.async_wait([this](const boost::system::error_code& stopped) {
    if (stopped) return;
    const BootTime now = boot_now();
    for (Timed& timed : timed_) timed.tick(now);
    tick();
  });
}

}  // namespace notaus::net
