// notaus demo: what is said around the two acts, and the verdict.
#include "demo/demo.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>

#include "demo/act.h"

namespace notaus::demo {
namespace {

constexpr int kSecondsAtMost = 45;  // and to end what does not want to end may take ten more
constexpr int kInterrupted = 130;

// A directory of our own, gone when we are.
class Scratch {
 public:
  Scratch() {
    std::error_code error;
    path_ = (std::filesystem::temp_directory_path(error) / "notaus-demo-XXXXXX").string();
    made_ = !error && mkdtemp(path_.data()) != nullptr;
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    std::error_code error;
    if (made_) std::filesystem::remove_all(path_, error);
  }
  [[nodiscard]] bool made() const { return made_; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
  bool made_ = false;
};

struct Played {
  WithoutNotaus without;
  WithNotaus with;
};

Result<Played> play(const Set& set) {
  set.voice.say(
      "An agent was told to follow up on offers. A changed prompt made it send at once instead of\n"
      "drafting: 117 mails in 22 minutes, some of them twice. Somebody switched it off in the UI; the\n"
      "background workers never looked at the UI. Here it happens again, four minutes in a second, with\n"
      "real processes, a real MCP server and a real SMTP server that counts. No keys, no model; nothing\n"
      "leaves this machine.");
  set.voice.heading("WITHOUT NOTAUS");
  set.voice.say(
      "An agent and three workers of tenant acme, and an agent of tenant globex, run their mail tools:\n\n"
      "    notaus demo-mailer …\n");
  auto without = act_without(set);
  if (!without) return std::unexpected(without.error());
  set.voice.heading("WITH NOTAUS");
  set.voice.say(
      "The same processes again. One thing is new, the command that runs their tools:\n\n"
      "    notaus mcp --state … --tenant acme --agent mailer-1 -- notaus demo-mailer …\n");
  auto with = act_with(set);
  if (!with) return std::unexpected(with.error());
  return Played{*without, *with};
}

void conclude(Voice& voice, const Played& played, const std::vector<std::string>& failed) {
  voice.heading("MEASURED BY THE MAIL SERVER");
  voice.say(fmt::format("without Notaus  {:3} mails after the switch in the UI", played.without.after));
  voice.say(fmt::format("with Notaus     {:3} mails after the stop was confirmed, besides {} that it listed as in flight",
                        played.with.after.breaches, played.with.after.listed));
  for (const std::string& what : failed) voice.say("FAILED: " + what);
}

void print_json(const Result<Played>& played, const std::vector<std::string>& failed) {
  Json out = {{"schema", 1}, {"passed", failed.empty()}, {"without", nullptr}, {"with", nullptr}, {"failed", failed}};
  if (played) out["without"] = to_json(played->without);
  if (played) out["with"] = to_json(played->with);
  fmt::print("{}\n", dump(out));
}

int judge(const Flags& flags, Voice& voice, const Result<Played>& played) {
  auto failed = played ? shortfalls(played->without, played->with) : std::vector{played.error().what};
  if (flags.output == Output::json)
    print_json(played, failed);
  else if (played)
    conclude(voice, *played, failed);
  if (!played) fmt::print(stderr, "notaus: the demo broke off: {}\n", played.error().what);
  if (!played && played.error().kind == Kind::refused) return kInterrupted;
  return failed.empty() ? 0 : 1;
}

}  // namespace

int run(const Flags& flags) {
  const Ends ends = ends_within(kSecondsAtMost);
  signal(SIGPIPE, SIG_IGN);  // whoever reads us may go; the scratch directory must, too
  for (const char* name : {"NOTAUS_STATE", "NOTAUS_CONFIG"}) unsetenv(name);
  adopt_orphans();
  const Scratch scratch;
  if (!scratch.made()) {
    fmt::print(stderr, "notaus: {}\n", os_trouble(scratch.path(), errno).what);
    return 1;
  }
  Voice voice(flags.output);
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  const char* path = std::getenv("PATH");
  setenv("PATH", (self.parent_path().string() + ":" + (path != nullptr ? path : "/usr/bin:/bin")).c_str(), 1);
  auto played = play({flags.stop, ends, voice, self.string(), self.filename().string(), scratch.path()});
  end_orphans();
  return judge(flags, voice, played);
}

}  // namespace notaus::demo
