#include "gate/gateway.h"

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <semaphore>
#include <thread>

#include <fmt/format.h>

#include "gate/front.h"
#include "gate/keeper.h"
#include "net/address.h"

namespace notaus::gate {

// The guard's thread rings as long as the guard lives, which is longer than the loop: calls in the loop's coroutines hold its permits.
struct Bell {
  std::mutex mutex;
  std::function<void()> ring;

  void operator()() {
    std::lock_guard lock(mutex);
    if (ring) ring();
  }
  void silence() {
    std::lock_guard lock(mutex);
    ring = nullptr;
  }
};

// What is in flight over MCP, whichever lane it came in on. The first lane keeps its time.
struct Gateway::Mcp {
  Mcp(const std::string& state, const Heir* heir) : hub(state, [this] { bell(); }), supervisor(hub.guard(), heir) {}

  Bell bell;
  Hub hub;
  Supervisor supervisor;
};

struct Gateway::Lane {
  Lane(const std::string& state, const std::string& name, Guard& asked, Mcp& mcp, const std::shared_ptr<const Policy>& policy,
       const net::Limits& limits, std::size_t mcp_calls)
      : guard(Guard::open({.state = state, .name = name, .on_change = [this] { bell(); }})),
        front(std::in_place, loop, Guards{guard, asked}, mcp.hub, mcp.supervisor, policy, limits, mcp_calls) {
    std::lock_guard lock(bell.mutex);
    bell.ring = [this] { loop.post([this] { front->page_changed(); }); };
  }
  ~Lane() {
    end();
    bell.silence();
  }
  void end() {
    loop.stop();
    if (thread.joinable()) thread.join();
  }

  Bell bell;
  Guard guard;
  net::Loop loop;
  std::optional<Front> front;
  std::optional<Keeper> keeper;
  std::thread thread;
};

Gateway::Gateway() = default;

// No lane runs while another is taken down: what one has in flight may be told of a stop by any, and of its end by the supervisor.
Gateway::~Gateway() {
  if (mcp_) mcp_->bell.silence();
  for (auto& lane : lanes_) lane->end();
  if (mcp_) mcp_->supervisor.end();
}

Result<std::unique_ptr<Gateway>> Gateway::start(const GatewayOptions& options, const std::shared_ptr<const Policy>& policy) {
  auto gateway = std::make_unique<Gateway>();
  gateway->mcp_ = std::make_unique<Mcp>(options.state, options.heir);
  gateway->asked_.emplace(Guard::open({.state = options.state, .name = "gate:authz", .admission_only = true}));
  net::Limits each = options.limits;
  each.connections = std::max<std::size_t>(1, each.connections / options.threads);
  each.held /= options.threads;
  for (std::size_t i = 0; i < options.threads; ++i) {
    auto listener = net::listen_on(i == 0 ? options.listen : gateway->address_);
    if (!listener) return std::unexpected(listener.error().in("listen: gate"));
    if (i == 0) gateway->address_ = net::bound_address(listener->get());
    auto lane = std::make_unique<Lane>(options.state, fmt::format("gate:{}", i + 1), *gateway->asked_, *gateway->mcp_, policy, each,
                                       std::max<std::size_t>(1, each.calls / options.threads));
    if (auto listening = lane->front->listen(*std::move(listener)); !listening) return std::unexpected(listening.error());
    gateway->lanes_.push_back(std::move(lane));
  }
  gateway->lead();
  for (auto& lane : gateway->lanes_) lane->thread = std::thread([&loop = lane->loop] { loop.run(); });
  return gateway;
}

void Gateway::lead() {
  Lane& first = *lanes_.front();
  first.keeper.emplace(first.loop, mcp_->hub, [front = &*first.front] { return front->site(); });
  std::lock_guard lock(mcp_->bell.mutex);
  mcp_->bell.ring = [this, &first] {
    first.loop.post([&first] { first.keeper->page_changed(); });
    mcp_->supervisor.page_changed();
  };
}

void Gateway::reload(const std::shared_ptr<const Policy>& policy) {
  for (auto& lane : lanes_) lane->loop.post([front = &*lane->front, policy] { front->reload(policy); });
}

void Gateway::wind_up(std::chrono::milliseconds at_most) {
  const auto until = std::chrono::steady_clock::now() + at_most;
  auto empty = std::make_shared<std::counting_semaphore<>>(0);
  for (auto& lane : lanes_) lane->loop.post([front = &*lane->front, empty] { front->wind_up([empty] { empty->release(); }); });
  for (std::size_t i = 0; i < lanes_.size(); ++i) (void)empty->try_acquire_until(until);
}

std::string Gateway::trouble() const {
  for (std::string trouble : {asked_->trouble(), mcp_->hub.guard().trouble()})
    if (!trouble.empty()) return trouble;
  for (const auto& lane : lanes_)
    if (std::string trouble = lane->guard.trouble(); !trouble.empty()) return trouble;
  return {};
}

}  // namespace notaus::gate
