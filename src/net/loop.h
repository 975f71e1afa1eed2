// net/loop.h: one thread's event loop.
//
// Threads: everything belongs to the thread that runs it, but post() and stop(), which any thread may call. So nothing in here has a lock.
// Time:    deadlines are looked at four times a second. A timer for each of ten thousand connections would cost more than it is worth.
#pragma once

#include <functional>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/intrusive/list.hpp>

#include "base/clock.h"

namespace notaus::net {

namespace asio = boost::asio;
using Executor = asio::io_context::executor_type;
template <class T = void>
using Task = asio::awaitable<T, Executor>;

// Whoever has deadlines. Leaves the loop's list by itself when it is destroyed.
class Timed : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  virtual void tick(BootTime now) = 0;  // may end what waits; what waited learns of it later, never inside this call

 protected:
  ~Timed() = default;
};

class Loop {
 public:
  static constexpr std::int64_t kTickNs = 250'000'000;

  Loop();

  void run();  // until stop()
  void stop() { context_.stop(); }
  void post(std::function<void()> work);
  void start(Task<> task);  // begins when the loop comes to it; an exception in it is a bug
  void watch(Timed& timed) { timed_.push_back(timed); }

  asio::io_context& context() { return context_; }

 private:
  void tick();

  asio::io_context context_{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO};  // sockets and timers are this thread's alone
  asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor> timer_{context_};
  boost::intrusive::list<Timed, boost::intrusive::constant_time_size<false>> timed_;
};

}  // namespace notaus::net
