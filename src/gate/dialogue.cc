#include "gate/dialogue.h"

#include <utility>

namespace notaus::gate {

void Dialogue::listen(const Way& way, Tell tell) {
  std::lock_guard lock(mutex_);
  listeners_.insert_or_assign(way.name, std::move(tell));
}

void Dialogue::leave(const Way& way, Rest rest) {
  std::lock_guard lock(mutex_);
  listeners_.erase(way.name);
  session_.way_ended(way, rest, boot_now());
}

void Dialogue::speaks_as(std::string lines) {
  std::lock_guard lock(mutex_);
  head_lines_ = std::move(lines);
}

std::string Dialogue::head_lines() {
  std::lock_guard lock(mutex_);
  return head_lines_;
}

void Dialogue::page_changed() {
  std::lock_guard lock(mutex_);
  session_.page_changed();
}

bool Dialogue::idle() {
  std::lock_guard lock(mutex_);
  return listeners_.empty() && session_.idle();
}

Dialogue::Due Dialogue::keep_time(BootTime now) {
  std::lock_guard lock(mutex_);
  Session::Due due = session_.keep_time(now, false);
  Due out{.next = due.next};
  for (Order& order : due.orders) {
    auto listener = listeners_.find(order.way);
    if (listener != listeners_.end())
      listener->second(order);
    else if (order.to == Order::To::server)
      out.to_server.push_back(std::move(order.line));
  }
  return out;
}

}  // namespace notaus::gate
