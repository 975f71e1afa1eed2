#include "app/on_behalf.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>

#include <fmt/format.h>

#include "app/print.h"
#include "base/socket_path.h"
#include "base/user.h"
#include "control/rights.h"

namespace notaus::app {
namespace {

constexpr std::size_t kMostAsked = 64 << 10, kMostSaid = 64 << 20;
constexpr timeval kPatience{10, 0};  // with who connects and says nothing, or takes nothing

Json answer_of(int exit, const std::string& out, const std::string& err) { return {{"exit", exit}, {"out", out}, {"err", err}}; }

void write_line(const Fd& to, const Json& line) {
  const std::string text = dump(line) + "\n";
  std::string_view rest = text;
  while (!rest.empty()) {
    const ssize_t n = send(to.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    rest.remove_prefix(static_cast<std::size_t>(n));
  }
}

// Up to the line's end; what never ends is no line.
std::optional<Json> read_line(const Fd& from, std::size_t most) {
  std::string text;
  std::array<char, 16384> chunk;
  while (text.size() <= most && !text.ends_with('\n')) {
    const ssize_t n = read(from.get(), chunk.data(), chunk.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return std::nullopt;
    text.append(chunk.data(), static_cast<std::size_t>(n));
  }
  Json line = Json::parse(text, nullptr, false);
  return line.is_object() ? std::optional(std::move(line)) : std::nullopt;
}

std::optional<std::vector<std::string>> words_of(const Json& asked) {
  const auto found = asked.find("words");
  if (found == asked.end() || !found->is_array()) return std::nullopt;
  std::vector<std::string> words;
  for (const Json& word : *found) {
    if (!word.is_string()) return std::nullopt;
    words.push_back(word.get<std::string>());
  }
  return words;
}

// What is printed from now on, instead of to a terminal.
class Printed {
 public:
  explicit Printed(int stream) : file_(memfd_create("printed", MFD_CLOEXEC)) { dup2(file_.get(), stream); }

  [[nodiscard]] std::string text() const {
    std::string out(static_cast<std::size_t>(std::max<off_t>(0, lseek(file_.get(), 0, SEEK_END))), '\0');
    const ssize_t n = pread(file_.get(), out.data(), out.size(), 0);
    out.resize(static_cast<std::size_t>(std::max<ssize_t>(0, n)));
    return out;
  }

 private:
  Fd file_;
};

std::string refusal(control::Act act, const page::StateDir& state) {
  const std::string whose = fmt::format("notaus: {} is another user's: ", state.path);
  switch (act) {
    case control::Act::loosen: return whose + "you may stop through its control socket, and not resume\n";
    case control::Act::reload: return whose + "its configuration is its owner's to reload\n";
    default: return whose + "that is not done for others through its control socket\n";
  }
}

Result<uid_t> owner_of(const page::StateDir& state) {
  struct stat seen{};
  if (stat(state.path.c_str(), &seen) != 0) return std::unexpected(os_trouble(state.path, errno));
  return seen.st_uid;
}

// The daemon reads it again by itself; whether it can be used is told here.
int reload(pid_t daemon) {
  if (int unusable = config_check_command({}, ""); unusable != control::kDone) return unusable;
  if (getppid() != daemon || kill(daemon, SIGHUP) != 0) return fail({Kind::gone, "the daemon has ended"});
  say("told `notaus up` (process {}) to read it again\n", daemon);
  return control::kDone;
}

Result<Fd> connect_to_daemon(const page::StateDir& state) {
  const std::string path = control_socket(state);
  const auto at = SocketPath::of(path);
  if (!at) return std::unexpected(at.error());
  Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connect(fd.get(), at->address(), at->size()) != 0) return std::unexpected(os_trouble(path, errno));
  return fd;
}

int relay(const Fd& daemon, const std::vector<std::string>& words) {
  write_line(daemon, {{"words", words}});
  const auto answer = read_line(daemon, kMostSaid);
  if (!answer || !answer->contains("exit"))
    return fail({Kind::broken, "the daemon took this and did not answer; whether it was done, `notaus status` tells"});
  say_as_is(stderr, answer->value("err", ""));
  say_as_is(stdout, answer->value("out", ""));
  return answer->value("exit", int{control::kFailed});
}

// Without what names the state and the configuration, which are the daemon's.
std::vector<std::string> as_typed(const std::vector<std::string>& words) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--state" || words[i] == "--config")
      ++i;
    else if (!words[i].starts_with("--state=") && !words[i].starts_with("--config="))
      out.push_back(words[i]);
  }
  return out;
}

}  // namespace

std::string control_socket(const page::StateDir& state) { return state.file("live/control"); }

std::optional<uid_t> peer_of(const Fd& client) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (getsockopt(client.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return std::nullopt;
  return peer.uid;
}

void serve_on_behalf(pid_t daemon, const std::function<int(std::vector<std::string>)>& run) {
  const Fd client(fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  (void)dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
  for (int direction : {SO_RCVTIMEO, SO_SNDTIMEO}) setsockopt(client.get(), SOL_SOCKET, direction, &kPatience, sizeof kPatience);
  const auto who = peer_of(client);
  const auto state = page::find_state("");
  const auto owner = state ? owner_of(*state) : Result<uid_t>(std::unexpected(state.error()));
  if (!who || !owner) return;
  const auto asked = read_line(client, kMostAsked);
  const auto words = asked ? words_of(*asked) : std::nullopt;
  if (!words) return write_line(client, answer_of(control::kUsage, "", "notaus: not a command\n"));
  const control::Act act = control::act_of(*words);
  if (!control::may(act, *who, *owner)) return write_line(client, answer_of(control::kNotAuthorised, "", refusal(act, *state)));
  act_for(*who);
  const Printed out(STDOUT_FILENO), err(STDERR_FILENO);
  const int exit = act == control::Act::reload ? reload(daemon) : run(*words);
  std::fflush(nullptr);
  write_line(client, answer_of(exit, out.text(), err.text()));
}

void answer_busy(const Fd& client) {
  constexpr const char* kBusy =
      "notaus: as many commands as may be are done through the control socket now; nothing was done, try again\n";
  write_line(client, answer_of(control::kFailed, "", kBusy));
}

std::optional<int> ask_daemon(const Common& common, const std::vector<std::string>& words) {
  const auto typed = as_typed(words);
  if (control::act_of(typed) == control::Act::other) return std::nullopt;
  const auto state = page::find_state(common.state);
  if (!state || access(state->lock().c_str(), W_OK) == 0 || errno != EACCES) return std::nullopt;
  const auto daemon = connect_to_daemon(*state);
  return daemon ? std::optional(relay(*daemon, typed)) : std::nullopt;
}

int ask_only_daemon(const Common& common, const std::vector<std::string>& words) {
  const auto state = page::find_state(common.state);
  if (!state) return fail(state.error());
  const auto daemon = connect_to_daemon(*state);
  if (daemon) return relay(*daemon, words);
  if (daemon.error().kind == Kind::refused) return fail(daemon.error());
  return fail({Kind::gone, fmt::format("no `notaus up` runs for {}, so there is nothing to reload", state->path)});
}

}  // namespace notaus::app
