#include "host/rest.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "page/spool.h"

namespace notaus::host {
namespace {

constexpr int kFilling = page::kSegments / 4;  // by one process or by all together

}  // namespace

Rest::Rest(std::string spool)
    : spool_(std::move(spool)), news_(inotify_init1(IN_CLOEXEC | IN_NONBLOCK)), end_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

Rest::Over Rest::take(std::chrono::milliseconds at_most) {
  if (news_)
    (void)inotify_add_watch(news_.get(), spool_.c_str(), IN_CREATE | IN_MOVED_TO);  // again: it may be another directory by now
  const auto until = std::chrono::steady_clock::now() + at_most;
  for (int made = 0;;) {
    made += made_since();
    if (made >= kFilling) return Over::spools_fill;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    pollfd wait[] = {{end_.get(), POLLIN, 0}, {news_.get(), POLLIN, 0}};
    (void)poll(wait, 2, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    if ((wait[0].revents & POLLIN) != 0) return Over::at_end;
    if (left.count() <= 0) return Over::in_time;
  }
}

void Rest::end() {
  const std::uint64_t one = 1;
  (void)!write(end_.get(), &one, sizeof one);
}

int Rest::made_since() const {
  int made = 0;
  alignas(inotify_event) char events[4096];
  for (ssize_t size; news_ && (size = read(news_.get(), events, sizeof events)) > 0;)
    for (const char* at = events; at < events + size;) {
      const auto* event = reinterpret_cast<const inotify_event*>(at);
      made += event->len > 0 && event->name[0] != '.';  // else a draft: see make_file
      at += sizeof *event + event->len;
    }
  return made;
}

}  // namespace notaus::host
