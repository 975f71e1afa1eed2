#include "demo/act.h"

#include <fcntl.h>

#include <fmt/format.h>

namespace notaus::demo {
namespace {

constexpr int kEveryMs = 188;  // four agents: 117 mails in 5.5 s, as 117 in 22 minutes

struct Role {
  const char *tenant, *agent;
};
constexpr Role kCast[] = {
    {"acme", "mailer-1"}, {"acme", "worker-1"}, {"acme", "worker-2"}, {"acme", "worker-3"}, {"globex", "mailer-1"}};

}  // namespace

Result<> enter_cast(const Set& set, Stage& stage, const Wrapper& wrapper) {
  int number = 0;
  for (const auto& [tenant, agent] : kCast) {
    std::vector<std::string> argv = {set.self, "demo-agent"};
    auto add = [&argv](std::vector<std::string> words) { argv.insert(argv.end(), words.begin(), words.end()); };
    add({"--first-customer", std::to_string(1000 * number), "--every-ms", std::to_string(kEveryMs), "--after-ms",
         std::to_string(kEveryMs * number / 4)});
    add({"--"});
    add(wrapper(tenant, agent));
    add({set.name, "demo-mailer", "--smtp", std::to_string(stage.sink().port()), "--from", address(tenant, agent)});
    if (auto entered = stage.enter(tenant, std::move(argv)); !entered) return entered;
    ++number;
  }
  return {};
}

std::vector<SunkMail> acme_mails(Stage& stage) { return mails_of("acme", stage.sink().mails()); }

Result<> until_acme_has_sent(Stage& stage, std::size_t mails) {
  return stage.until(fmt::format("acme's mail {}", mails), [&] { return acme_mails(stage).size() >= mails; });
}

double seconds_between(BootTime from, BootTime to) { return static_cast<double>(to.ns - from.ns) / 1e9; }

Result<WithoutNotaus> act_without(const Set& set) {
  auto stage = Stage::open(set.ends);
  if (!stage) return std::unexpected(stage.error());
  auto ready = enter_cast(set, **stage, [](auto&, auto&) { return std::vector<std::string>(); });
  if (ready) ready = until_acme_has_sent(**stage, 1);
  if (!ready) return std::unexpected(ready.error());
  const BootTime first = acme_mails(**stage).front().at;
  set.voice.moment(0, "acme's first mail goes out");

  if (auto sent = until_acme_has_sent(**stage, kNoticed); !sent) return std::unexpected(sent.error());
  auto toggle = open_file(set.scratch + "/agents-are-off", O_WRONLY | O_CREAT);  // this is the UI: a flag, and nobody who reads it
  if (!toggle) return std::unexpected(toggle.error());
  const BootTime toggled = boot_now();
  set.voice.moment(seconds_between(first, toggled), fmt::format("{} mails are out. Somebody switches acme's agents off in the UI.",
                                                                taken_until(toggled, acme_mails(**stage))));

  if (auto sent = until_acme_has_sent(**stage, kIncident); !sent) return std::unexpected(sent.error());
  auto mails = acme_mails(**stage);
  mails.erase(mails.begin() + kIncident, mails.end());
  WithoutNotaus out{
      .before = taken_until(toggled, mails), .repeated = repeats(mails), .seconds = seconds_between(first, mails.back().at)};
  out.after = mails.size() - out.before;
  set.voice.moment(out.seconds,
                   fmt::format("{} mails are out, {} of them repeats; {} after the switch. Nothing that runs reads it.",
                               mails.size(), out.repeated, out.after));
  return out;
}

}  // namespace notaus::demo
