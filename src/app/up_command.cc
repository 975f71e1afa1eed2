#include <sched.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "app/become_gate.h"
#include "app/commands.h"
#include "app/doorman.h"
#include "app/gate_policy.h"
#include "app/print.h"
#include "base/user.h"
#include "gate/gateway.h"
#include "host/rounds.h"

namespace notaus::app {
namespace {

constexpr auto kDrain = std::chrono::seconds(30);   // for what is under way when we are asked to end
constexpr rlim_t kReserved = 512;                   // descriptors for everything that is not a connection of an agent

// A loop for each: two that share a CPU take turns at every request. hardware_concurrency() counts those that are others' too.
std::size_t usable_cpus() {
  cpu_set_t ours;
  if (sched_getaffinity(0, sizeof ours, &ours) == 0) return static_cast<std::size_t>(CPU_COUNT(&ours));
  return std::max(1u, std::thread::hardware_concurrency());  // on a machine with more than 1,024
}

// Blocked in all threads, since it is done before there is a second one.
Fd hear_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return Fd(signalfd(-1, &set, SFD_CLOEXEC));
}

unsigned next_signal(const Fd& signals) {
  signalfd_siginfo info{};
  while (read(signals.get(), &info, sizeof info) != sizeof info) {
  }
  return info.ssi_signo;
}

// Each connection of an agent costs two: its own and one to an upstream. So however many come, commands find one free.
std::size_t most_connections() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  getrlimit(RLIMIT_NOFILE, &limit);
  const rlim_t most = limit.rlim_cur > 2 * kReserved ? (limit.rlim_cur - kReserved) / 2 : kReserved / 2;
  return std::min<rlim_t>(most, 50'000);
}

void tell(const std::string& line) {
  say_to(stderr, "notaus: {}\n", line);
  std::fflush(stderr);
}

// A configuration that cannot be used changes nothing.
void reload(const Common& common, gate::Gateway& gateway, host::Rounds& rounds) {
  auto place = find_place(common);
  if (place && !place->config_trouble.empty()) place = trouble(Kind::broken, place->config_trouble);
  auto policy = place ? gate_policy(place->config, config::process_environment()) : std::unexpected(place.error());
  if (!policy) return tell("not reloaded, nothing has changed: " + policy.error().what);
  (void)propose_tools(*place);
  gateway.reload(*policy);
  rounds.keep(retention_of(place->config.audit.keep));
  tell(fmt::format("reloaded {}: {} route(s)", place->config_path, (*policy)->routes.all().size()));
}

void serve(const Common& common, gate::Gateway& gateway, host::Rounds& rounds, Fd signals) {
  unsigned signal = next_signal(signals);
  for (; signal == SIGHUP; signal = next_signal(signals)) reload(common, gateway, rounds);
  tell(fmt::format("ending: no new calls, up to {} s for those under way; once more to end now", kDrain.count()));
  std::thread([signals = std::move(signals)] {
    (void)next_signal(signals);
    _exit(control::kFailed);  // whoever insists has seen what is under way
  }).detach();
  gateway.wind_up(kDrain);
}

}  // namespace

int up_command(const Common& common) {
  const auto heir = gate::Heir::make();  // before there is a second thread
  if (!heir) return fail(heir.error());
  Fd signals = hear_signals();
  auto place = made_place(common);
  if (!place) return fail(place.error());
  auto policy = gate_policy(place->config, config::process_environment());
  if (!policy) return fail(policy.error().in(place->config_path));
  prepare(*place);
  auto gateway = gate::Gateway::start({.state = place->site.state.path,
                                       .listen = place->config.listen.gate,
                                       .threads = usable_cpus(),
                                       .limits = {.connections = most_connections(), .calls = place->config.limits.calls_per_agent},
                                       .heir = &*heir},
                                      *policy);
  if (!gateway) return fail(gateway.error());
  if (std::string trouble = (*gateway)->trouble(); !trouble.empty()) warn({trouble});
  auto doorman = Doorman::open(*place);
  if (!doorman) warn({doorman.error().in("others cannot stop through the control socket").what});
  host::Rounds rounds(place->site, retention_of(place->config.audit.keep), {.by = actor(), .uid = asking_user()},
                      [](const std::string& trouble) { tell(trouble.empty() ? "all well again" : trouble); });
  tell(fmt::format("up: state={} gate={} servers={} routes={}", place->site.state.path, (*gateway)->address(),
                   (*policy)->servers.size() + (*policy)->commands.size(), (*policy)->routes.all().size()));
  serve(common, **gateway, rounds, std::move(signals));
  return control::kDone;
}

}  // namespace notaus::app
