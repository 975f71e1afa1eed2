#include "gate/keeper.h"

#include <utility>

#include "gate/mcp_aside.h"

namespace notaus::gate {

Keeper::Keeper(net::Loop& loop, Hub& hub, std::function<std::shared_ptr<const Site>()> site)
    : loop_(loop), hub_(hub), site_(std::move(site)), due_(loop.context()) {
  loop.watch(*this);
}

void Keeper::page_changed() {
  hub_.page_changed();
  keep_time(boot_now());
}

// A tick comes four times a second; only what is due sooner needs the timer.
void Keeper::keep_time(BootTime now) {
  Hub::Due due = hub_.keep_time(now);
  for (auto& [dialogue, line] : due.to_server) say(dialogue, std::move(line));
  if (!due.next || due.next->ns - now.ns >= net::Loop::kTickNs) return;
  due_.expires_after(std::chrono::nanoseconds(due.next->ns - now.ns));
  due_.async_wait([this](const boost::system::error_code& moved) {
    if (!moved) keep_time(boot_now());
  });
}

void Keeper::say(const std::shared_ptr<Dialogue>& to, std::string line) {
  auto site = site_();
  auto server = site->policy->servers.find(to->server());
  if (server == site->policy->servers.end()) return;  // gone with a reload
  const std::size_t at = server->second;
  loop_.start(say_aside(loop_, site, *site->pools[at], site->policy->upstreams[at], to, std::move(line)));
}

}  // namespace notaus::gate
