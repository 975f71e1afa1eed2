#include "gate/front.h"

#include "gate/authz.h"
#include "gate/problem.h"

namespace notaus::gate {

namespace {

constexpr std::string_view kMcp = "/mcp/";

}  // namespace

using net::Connection;
using net::Task;

Front::Front(net::Loop& loop, const Guards& guards, Hub& hub, Supervisor& supervisor, std::shared_ptr<const Policy> policy,
             const net::Limits& limits, std::size_t mcp_calls)
    : loop_(loop),
      guard_(guards.own),
      asked_(guards.asked),
      hub_(hub),
      supervisor_(supervisor),
      seats_(limits.calls),
      mcp_seats_(mcp_calls),
      due_(loop.context()),
      server_(
          loop, limits, [this](Connection& client) { return answer(client); },
          [this](const net::Refusal& why) {
            guard_.refused({}, why.why);
            return refused(why.status, why.why);
          }) {
  reload(std::move(policy));
}

void Front::reload(std::shared_ptr<const Policy> policy) {
  server_.use(policy->tls);
  site_ = std::make_shared<Site>(loop_, std::move(policy));
}

Task<> Front::answer(Connection& client) {
  if (asks_authz(client.request().target)) co_return co_await authorize(client);
  const auto site = site_;
  const auto asked = judge(*site->policy, client.request(), client.peer());
  if (!asked) co_return co_await refuse(client, asked.error());
  const std::string_view target = client.request().target;
  if (auto why = unsound_target(target); !why.empty()) co_return co_await refuse(client, {400, why});
  if (target.starts_with(kMcp)) co_return co_await answer_mcp(client, *asked);
  const net::Field* host = client.request().find("Host");
  const auto route = site->policy->routes.match(host != nullptr ? host_name(host->value) : "", client.request().method, target);
  if (!route) co_return co_await refuse(client, {400, route.error()});
  if (*route == nullptr) co_return co_await refuse(client, {404, "no route of the configuration leads there"});
  const std::size_t upstream = (*route)->upstream;
  Exchange exchange({client, *site->pools[upstream], site->policy->upstreams[upstream], guard_, seats_}, *asked, **route);
  exchanges_.push_back(exchange);
  loop_.watch(exchange);
  co_await exchange.run();
}

Task<> Front::answer_mcp(Connection& client, const Asked& asked) {
  const auto site = site_;
  const std::string_view rest = client.request().target.substr(kMcp.size()), name = rest.substr(0, rest.find('?'));
  if (const auto command = site->policy->commands.find(std::string(name)); command != site->policy->commands.end())
    co_return co_await answer_piped(client, asked, command->first, command->second);
  const auto server = site->policy->servers.find(std::string(name));
  if (server == site->policy->servers.end())
    co_return co_await refuse(client, {404, "no server has that name: /mcp/NAME leads to `servers: NAME`"});
  const std::size_t upstream = server->second;
  McpExchange exchange({loop_, client, *site->pools[upstream], site->policy->upstreams[upstream], hub_, site, mcp_seats_}, asked,
                       server->first, rest.substr(name.size()));
  mcp_.push_back(exchange);
  loop_.watch(exchange);
  co_await exchange.run();
}

Task<> Front::answer_piped(Connection& client, const Asked& asked, const std::string& server, const Command& command) {
  PipedExchange exchange({loop_, client, supervisor_, hub_.guard(), mcp_seats_}, asked, server, command);
  piped_.push_back(exchange);
  loop_.watch(exchange);
  co_await exchange.run();
}

void Front::wind_up(std::function<void()> empty) {
  for (PipedExchange& exchange : piped_) exchange.wind_up();
  for (McpExchange& exchange : mcp_) exchange.wind_up();
  server_.wind_up(std::move(empty));
}

// For a proxy: 200, 401 or 403 and nothing else, since that is all that proxies understand.
Task<> Front::authorize(Connection& client) {
  const auto site = site_;
  const auto asked = judge(*site->policy, client.request(), client.peer(), Came::proxied);
  if (!asked) co_return co_await refuse(client, {asked.error().status == 401 ? 401u : 403u, asked.error().why});
  const auto wanted = wanted_of(client.request(), site->policy->routes);
  if (!wanted) co_return co_await refuse(client, wanted.error());
  std::string unread;
  if (!co_await client.whole_body(unread, Exchange::kWhole)) client.close_after_this();
  Admission admission =
      asked_.admit({.tenant = asked->caller.tenant, .agent = asked->caller.agent, .tool = wanted->tool, .effect = wanted->effect});
  if (!admission) co_return (void) co_await client.answer(denied(admission.denial(), Sent::no));
  if (auto denial = admission.permit().recheck()) co_return (void) co_await client.answer(denied(*denial, Sent::no));
  admission.permit().done(Outcome::unknown);  // the proxy sends it, and tells nobody how it ends
  co_await client.answer({.status = 200});
}

Task<> Front::refuse(Connection& client, const net::Refusal& why) {
  guard_.refused({}, why.why);
  co_await client.answer(refused(why.status, why.why));
}

void Front::page_changed() {
  for (Exchange& exchange : exchanges_) exchange.page_changed();
  enforce();
}

void Front::enforce() {
  const BootTime now = boot_now();
  std::optional<BootTime> next;
  for (Exchange& exchange : exchanges_)
    if (auto at = exchange.enforce(now); at && (!next || *at < *next)) next = at;
  if (!next) return;
  due_.expires_after(std::chrono::nanoseconds(next->ns - now.ns));
  due_.async_wait([this](const boost::system::error_code& moved) {
    if (!moved) enforce();
  });
}

}  // namespace notaus::gate
