// control/attempts.h: things tried at once, each in its own thread, none of which may keep the operator waiting: a hung disk must not
// hide that another part has worked.
#pragma once

#include <chrono>
#include <condition_variable>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

namespace notaus::control {

// The result of one attempt, or nothing yet. What a late attempt writes after take() is its own affair: the state is shared.
template <class Value>
class Attempt {
 public:
  explicit Attempt(std::function<Value()> work) : shared_(std::make_shared<Shared>()) {
    auto tried = [shared = shared_, work = std::move(work)] {
      std::unique_ptr<Value> value = value_of(work);
      std::scoped_lock hold(shared->mutex);
      shared->value = std::move(value);
      shared->over = true;
      shared->ended.notify_all();
    };
    try {
      std::thread(tried).detach();
    } catch (const std::exception&) {
      tried();  // the machine has no thread to give: in ours then, one after the other
    }
  }

  // Waits until `deadline`; nothing: it is still at it, or was cut short.
  std::unique_ptr<Value> take(std::chrono::steady_clock::time_point deadline) {
    std::unique_lock hold(shared_->mutex);
    shared_->ended.wait_until(hold, deadline, [&] { return shared_->over; });
    return std::move(shared_->value);
  }

 private:
  // Nothing: no memory. It has failed then, and the others go on.
  static std::unique_ptr<Value> value_of(const std::function<Value()>& work) {
    try {
      return std::make_unique<Value>(work());
    } catch (const std::exception&) {
      return nullptr;
    }
  }

  struct Shared {
    std::mutex mutex;
    std::condition_variable ended;
    std::unique_ptr<Value> value;
    bool over = false;
  };
  std::shared_ptr<Shared> shared_;
};

}  // namespace notaus::control
