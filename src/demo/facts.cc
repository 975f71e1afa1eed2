#include "demo/facts.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <sstream>

#include <fmt/format.h>

namespace notaus::demo {
namespace {

double rounded(double number) { return std::round(number * 100) / 100; }

// "  running  email.send  acme/mailer-1  since 2026-11-22T03:12:07.123Z  k3j2…"
std::optional<ListedCall> listed_call(const std::string& line) {
  std::istringstream words(line);
  ListedCall call;
  std::string whose, since, at;
  if (!(words >> call.outcome >> call.tool >> whose >> since >> at >> call.id) || since != "since") return std::nullopt;
  std::size_t slash = whose.find('/');
  if (slash == std::string::npos) return std::nullopt;
  call.tenant = whose.substr(0, slash);
  call.agent = whose.substr(slash + 1);
  return call;
}

}  // namespace

std::string address(const std::string& tenant, const std::string& agent) { return agent + "@" + tenant + ".example"; }

std::vector<SunkMail> mails_of(const std::string& tenant, const std::vector<SunkMail>& mails) {
  std::vector<SunkMail> out;
  std::ranges::copy_if(mails, std::back_inserter(out),
                       [&](const SunkMail& mail) { return mail.from.ends_with(address(tenant, "")); });
  return out;
}

std::size_t repeats(const std::vector<SunkMail>& mails) {
  std::set<std::string> seen;
  for (const SunkMail& mail : mails) seen.insert(mail.to + "\n" + mail.text.substr(mail.text.find('\n')));  // whoever sent it
  return mails.size() - seen.size();
}

std::size_t taken_until(BootTime at, const std::vector<SunkMail>& mails) {
  return static_cast<std::size_t>(std::ranges::count_if(mails, [at](const SunkMail& mail) { return mail.at <= at; }));
}

std::vector<ListedCall> listed_calls(const std::string& output) {
  std::vector<ListedCall> out;
  for (auto [lines, line] = std::pair(std::istringstream(output), std::string()); std::getline(lines, line);)
    if (auto call = line.starts_with("  ") ? listed_call(line) : std::nullopt) out.push_back(*call);
  return out;
}

std::string stop_id(const std::string& output) {
  constexpr std::string_view kBefore = "notaus resume ";
  std::size_t at = output.find(kBefore);
  if (at == std::string::npos) return {};
  at += kBefore.size();
  return output.substr(at, output.find(' ', at) - at);
}

AfterStop after_stop(const std::string& tenant, BootTime ended, const std::vector<SunkMail>& mails,
                     std::vector<ListedCall> listed) {
  AfterStop out;
  for (const SunkMail& mail : mails_of(tenant, mails)) {
    if (mail.at <= ended) continue;
    auto excuse = std::ranges::find_if(listed, [&](const ListedCall& call) {
      return call.tool == "email.send" && call.outcome != "not_sent" && mail.from == address(call.tenant, call.agent);
    });
    if (excuse == listed.end()) {
      ++out.breaches;
      continue;
    }
    listed.erase(excuse);
    ++out.listed;
  }
  return out;
}

std::vector<std::string> shortfalls(const WithoutNotaus& without, const WithNotaus& with) {
  std::vector<std::string> out;
  auto expect = [&](bool held, std::string what) {
    if (!held) out.push_back(std::move(what));
  };
  expect(without.after > 0, "without Notaus no mail went out after the toggle: the incident was not replayed");
  expect(with.stop_exit == 0, fmt::format("notaus stop exited {}", with.stop_exit));
  expect(with.after.breaches == 0, fmt::format("{} mail(s) were taken after the stop that it had not listed", with.after.breaches));
  expect(with.held_was_listed, "the call that was in flight was not listed by the stop");
  expect(with.held_outcome == "done",
         fmt::format("the log has the listed call as \"{}\", the mail server has delivered it", with.held_outcome));
  expect(with.denied_after > 0, "no send was denied");
  expect(with.reads_after > 0, "reads did not go on");
  expect(with.others_after > 0, "the other tenant's mails did not go on");
  expect(with.failed == 0, fmt::format("{} call(s) failed that nobody had stopped", with.failed));
  expect(with.report_done == with.sink_mails,
         fmt::format("the report has {} mails, the mail server {}", with.report_done, with.sink_mails));
  expect(with.report_repeats == with.sink_repeats,
         fmt::format("the report has {} repeats, the mail server {}", with.report_repeats, with.sink_repeats));
  expect(with.report_denied >= with.agents_denied,
         fmt::format("the report has {} denials, the agents saw {}", with.report_denied, with.agents_denied));
  expect(with.resume_exit == 0, fmt::format("notaus resume exited {}", with.resume_exit));
  expect(with.after_resume > 0, "no mail went out after the resume");
  return out;
}

Json to_json(const WithoutNotaus& without) {
  return {{"mails", without.before + without.after},
          {"mails_before_toggle", without.before},
          {"mails_after_toggle", without.after},
          {"repeated", without.repeated},
          {"seconds", rounded(without.seconds)}};
}

Json to_json(const WithNotaus& with) {
  Json report = {{"done", with.report_done}, {"repeated", with.report_repeats}, {"denied", with.report_denied}};
  Json sink = {{"mails", with.sink_mails}, {"repeated", with.sink_repeats}};
  return {{"stop_exit", with.stop_exit},
          {"stop_ms", rounded(with.stop_ms)},
          {"mails_before_stop_ended", with.before},
          {"mails_after_stop_unlisted", with.after.breaches},
          {"mails_after_stop_listed", with.after.listed},
          {"in_flight_listed", with.listed},
          {"in_flight_outcome", with.held_outcome},
          {"denied_after_stop", with.denied_after},
          {"reads_after_stop", with.reads_after},
          {"other_tenant_mails_after_stop", with.others_after},
          {"calls_failed", with.failed},
          {"report", report},
          {"sink_at_report", sink},
          {"resume_exit", with.resume_exit},
          {"mails_after_resume", with.after_resume}};
}

}  // namespace notaus::demo
