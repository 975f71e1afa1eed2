#include "app/doorman.h"

#include <grp.h>
#include <poll.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>

#include "app/on_behalf.h"
#include "net/address.h"

namespace notaus::app {
namespace {

constexpr int kCountMs = 1000, kBreathMs = 20;

// Its owner alone until the group may: nobody else gets in meanwhile.
Result<> let_group_in(const std::string& path) {
  const group* found = getgrnam("notaus");
  if (found == nullptr) return {};
  if (chown(path.c_str(), uid_t(-1), found->gr_gid) != 0 || chmod(path.c_str(), 0660) != 0)
    return std::unexpected(os_trouble(path, errno));
  return {};
}

std::vector<std::string> environment_of(const Place& place) {
  std::vector<std::string> out;
  for (char** line = environ; *line != nullptr; ++line)
    if (!std::string_view(*line).starts_with("NOTAUS_")) out.emplace_back(*line);
  out.push_back("NOTAUS_STATE=" + place.site.state.path);
  if (!place.config_path.empty()) out.push_back("NOTAUS_CONFIG=" + place.config_path);
  return out;
}

// It has the client as its stdin, and no other descriptor of ours.
pid_t spawn_on_behalf(const Fd& client, const std::vector<std::string>& environment) {
  const std::string daemon = std::to_string(getpid());
  const char* argv[] = {"notaus", kOnBehalf, daemon.c_str(), nullptr};
  std::vector<char*> lines;
  for (const std::string& line : environment) lines.push_back(const_cast<char*>(line.c_str()));
  lines.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, client.get(), STDIN_FILENO);
  posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, defaults;
  sigemptyset(&none);
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGPIPE);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t pid = -1;
  if (posix_spawn(&pid, "/proc/self/exe", &actions, &attributes, const_cast<char**>(argv), lines.data()) != 0) pid = -1;
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return pid;
}

}  // namespace

Result<std::unique_ptr<Doorman>> Doorman::open(const Place& place) {
  const std::string path = control_socket(place.site.state);
  auto listener = net::listen_on(std::string(net::kUnixPrefix) + path, 0600);
  if (!listener) return std::unexpected(listener.error());
  if (auto in = let_group_in(path); !in) return std::unexpected(in.error());
  return std::unique_ptr<Doorman>(new Doorman(place, *std::move(listener), Fd(eventfd(0, EFD_CLOEXEC))));
}

Doorman::Doorman(const Place& place, Fd listener, Fd ends)
    : path_(control_socket(place.site.state)),
      environment_(environment_of(place)),
      listener_(std::move(listener)),
      ends_(std::move(ends)) {
  thread_ = std::thread([this] { work(); });
}

Doorman::~Doorman() {
  const std::uint64_t now = 1;
  (void)!write(ends_.get(), &now, sizeof now);
  thread_.join();
  unlink(path_.c_str());
}

void Doorman::work() {
  while (true) {
    pollfd polled[] = {{listener_.get(), POLLIN, 0}, {ends_.get(), POLLIN, 0}};
    poll(polled, 2, hands_.empty() ? -1 : kCountMs);
    if (polled[1].revents != 0) return;
    count_again();
    if (polled[0].revents == 0) continue;
    Fd client(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (client)
      take(std::move(client));
    else
      poll(nullptr, 0, kBreathMs);  // it is still there, and so is what was in its way
  }
}

void Doorman::take(Fd client) {
  const uid_t user = peer_of(client).value_or(uid_t(-1));
  const auto his = static_cast<std::size_t>(std::ranges::count(hands_, user, &Hand::user));
  const pid_t pid = his < kMostOfUser && hands_.size() < kMost ? spawn_on_behalf(client, environment_) : -1;
  if (pid > 0) return hands_.push_back({pid, user});
  answer_busy(client);
}

void Doorman::count_again() {
  std::erase_if(hands_, [](const Hand& hand) { return waitpid(hand.pid, nullptr, WNOHANG) != 0; });
}

}  // namespace notaus::app
