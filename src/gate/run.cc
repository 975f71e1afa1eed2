#include "gate/run.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "base/json.h"
#include "gate/loop.h"

namespace notaus::gate {
namespace {

constexpr std::int64_t kKillAgainNs = 100'000'000;

std::string joined(const std::vector<std::string>& words) {  // so that no two commands look the same
  std::string out;
  for (const std::string& word : words) out += word + '\0';
  return out;
}

}  // namespace

int Run::denied(const Denial& denial) const {
  std::fprintf(stderr, "%s\n", shown(denial.reason).c_str());
  note("not started: " + options_.command[0] + (denial.stop.empty() ? "" : ": stopped by " + denial.stop));
  if (!denial.help.empty()) note(denial.help);
  return kDeniedStatus;
}

int Run::run() {
  const std::string words = joined(options_.command);
  Admission admission = guard_.admit({.tool = options_.tool, .args = words});
  if (!admission) return denied(admission.denial());
  permit_ = std::move(admission.permit());
  std::optional<Denial> late;
  auto last_look = [&] { return !(late = permit_.recheck()).has_value(); };
  // A worker without its guard is not left running: nobody could end it.
  auto pid = start(options_.command, {.death_signal = SIGKILL, .enter = [this] { tree_.enter(); }, .last_look = last_look});
  if (late) return denied(*late);
  if (!pid) {
    permit_.done(Outcome::not_sent);
    return cannot_run(pid.error());
  }
  return follow(*pid);
}

int Run::follow(pid_t pid) {
  wanted_ = permit_.cancellation();  // a flip may have come before the loop that hears of it
  auto ended = [&](pid_t who, int status) {
    if (who == pid) status_ = shell_status(status);
  };
  while (!tree_.empty(ended)) {
    pollfd polled[] = {{options_.signals, POLLIN, 0}, {options_.changed, POLLIN, 0}};
    BootTime now = boot_now();
    std::optional<BootTime> next = ending_.next();
    if (wanted_ && !ending_.begun()) next = BootTime{wanted_->at};
    if (kill_at_) next = kill_at_;
    poll(polled, 2, timeout_ms({next}, now));
    if (polled[0].revents != 0) hear_signals();
    if (polled[1].revents != 0) hear_change();
    keep_time(boot_now());
  }
  permit_.done(ending_.begun() ? Outcome::unknown : Outcome::done);
  return *status_;
}

// What a terminal sends reaches the command by itself; what is sent to us alone is meant for it, too.
void Run::hear_signals() {
  signalfd_siginfo info;
  while (read(options_.signals, &info, sizeof info) == sizeof info)
    if (info.ssi_signo != SIGCHLD && info.ssi_code != SI_KERNEL) tree_.signal(static_cast<int>(info.ssi_signo));
}

void Run::hear_change() {
  std::uint64_t count;
  (void)!read(options_.changed, &count, sizeof count);
  if (!ending_.begun()) wanted_ = permit_.cancellation();
}

void Run::keep_time(BootTime now) {
  if (wanted_ && !ending_.begun() && now.ns >= wanted_->at) {
    note("ending " + options_.command[0] + ": " + wanted_->denial.reason + " by stop " + wanted_->denial.stop);
    ending_.insisted(now);
  }
  const int signal = ending_.signal_due(now);
  if (signal == SIGTERM) tree_.signal(SIGTERM);
  if (signal == SIGKILL) kill_at_ = now;
  if (!kill_at_ || now < *kill_at_) return;
  tree_.kill_all();
  kill_at_ = BootTime{now.ns + kKillAgainNs};
}

}  // namespace notaus::gate
