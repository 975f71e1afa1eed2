#include "demo/stage.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <csignal>

#include <fmt/format.h>

#include "base/json.h"
#include "demo/json.h"

namespace notaus::demo {
namespace {

void count(const Json& event, Deeds& deeds) {
  const std::string answer = event.value("answer", "");
  if (answer == "ok") {
    ++(event.value("tool", "") == "crm.find" ? deeds.reads : deeds.sent);
  } else if (answer == "denied") {
    ++deeds.denied;
    deeds.denial = event.value("says", "");
  } else {
    ++deeds.failed;
  }
}

}  // namespace

Ends ends_within(int seconds) {
  sigset_t set;
  sigemptyset(&set);
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, signal);
  sigprocmask(SIG_BLOCK, &set, nullptr);  // before any thread is made, so that all inherit it
  return {{boot_now().ns + seconds * 1'000'000'000LL}, Fd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK))};
}

Result<std::unique_ptr<Stage>> Stage::open(const Ends& ends) {
  auto sink = Sink::open();
  if (!sink) return std::unexpected(sink.error());
  return std::unique_ptr<Stage>(new Stage(ends, std::move(*sink)));
}

// All are told at once, then waited for one after the other, with two seconds for all of them before any is forced.
Stage::~Stage() {
  sink_->release();
  for (Actor& actor : actors_) actor.process.hang_up();
  const BootTime patient_until{boot_now().ns + 2'000'000'000};
  for (Actor& actor : actors_)
    actor.process.end(std::chrono::milliseconds(std::max<std::int64_t>(0, (patient_until.ns - boot_now().ns) / 1'000'000)));
}

Result<> Stage::enter(const std::string& tenant, std::vector<std::string> argv) {
  auto process = Child::start(std::move(argv), Child::Stderr::with_stdout);
  if (!process) return std::unexpected(process.error());
  actors_.push_back({.tenant = tenant, .process = std::move(*process)});
  return {};
}

Result<> Stage::until(const std::string& what, const std::function<bool()>& done) {
  while (!done())
    if (auto looked = look_once(what); !looked) return looked;
  return {};
}

Result<> Stage::look_once(const std::string& what) {
  std::vector<pollfd> fds = {
      {ends_.signals.get(), POLLIN, 0}, {sink_->news(), POLLIN, 0}, {command_ ? command_->watched() : -1, POLLIN, 0}};
  for (const Actor& actor : actors_) fds.push_back({actor.process.watched(), POLLIN, 0});
  std::int64_t left_ms = (ends_.deadline.ns - boot_now().ns) / 1'000'000;
  if (left_ms <= 0) return trouble(Kind::retry, "out of time, waiting for " + what);
  poll(fds.data(), fds.size(), static_cast<int>(left_ms));
  if (fds[0].revents != 0) return trouble(Kind::refused, "interrupted");
  eventfd_t news;
  if (fds[1].revents != 0) eventfd_read(sink_->news(), &news);
  if (fds[2].revents != 0 && command_->talks()) command_->hear();
  for (std::size_t i = 0; i < actors_.size(); ++i)
    if (fds[3 + i].revents != 0)
      if (auto heard = hear(actors_[i]); !heard) return heard;
  return {};
}

Result<> Stage::hear(Actor& actor) {
  if (actor.process.talks()) actor.process.hear();
  while (auto line = actor.process.next_line()) {
    Json event = Json::parse(*line, nullptr, false);
    if (event.is_object())
      count(event, actor.deeds);
    else
      actor.last_words = *line;
  }
  if (!actor.process.talks())
    return trouble(Kind::broken, fmt::format("an agent of {} ended by itself: {}", actor.tenant, shown(actor.last_words)));
  return {};
}

Result<Answer> Stage::run(std::vector<std::string> argv) {
  const std::string what = fmt::format("`notaus {}` to end", argv.size() > 1 ? argv[1] : "");
  Answer answer{.exit = -1, .asked = boot_now(), .ended = {}, .text = {}};
  auto child = Child::start(std::move(argv), Child::Stderr::with_stdout);
  if (!child) return std::unexpected(child.error());
  child->hang_up();
  command_ = &*child;
  auto ended = until(what, [&] { return !child->talks() && child->ended(); });
  command_ = nullptr;
  if (!ended) return std::unexpected(ended.error());
  answer.ended = boot_now();
  answer.exit = child->status();
  answer.text = child->everything();
  return answer;
}

Deeds Stage::deeds(const std::string& tenant) const {
  Deeds out;
  for (const Actor& actor : actors_) {
    if (actor.tenant != tenant) continue;
    out.reads += actor.deeds.reads;
    out.sent += actor.deeds.sent;
    out.denied += actor.deeds.denied;
    out.failed += actor.deeds.failed;
    if (!actor.deeds.denial.empty()) out.denial = actor.deeds.denial;
  }
  return out;
}

}  // namespace notaus::demo
