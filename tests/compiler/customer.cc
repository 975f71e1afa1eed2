// Every public name of notaus/guard.hpp as a customer's C++20 program uses it. Compiled only; examples/ has what runs.
#include <notaus/guard.hpp>

#include <string>
#include <utility>

std::string send_one(notaus::Guard& guard, const std::string& mail) {
  notaus::Call call{
      .tenant = "acme", .agent = "mailer", .run = "7", .tool = "email.send", .effect = notaus::Effect::write, .args = mail};
#ifdef NO_ANSWER_TAKEN
  guard.admit(call);
#endif
  if (auto denied = guard.call(call, [&] {})) return denied->reason;

  auto admission = guard.admit(call);
  if (!admission) return admission.denial().help;
  notaus::Permit permit = std::move(admission.permit());
  if (auto denied = permit.recheck()) return denied->stop;
  std::string id = permit.id();
  permit.done(notaus::Outcome::done);

  notaus::Handle handle = guard.handle(call);
  if (auto again = handle.admit(mail)) again.permit().done(notaus::Outcome::not_sent);
  if (auto denied = guard.check(call); denied && denied->why == notaus::Why::stop_all)
    return notaus::reason(denied->why, call.tool) + guard.trouble();
  return id;
}

std::string open_and_send() {
  notaus::Guard guard =
      notaus::Guard::open({.state = "/tmp/state", .tenant = "acme", .agent = "mailer", .name = "customer", .on_change = [] {}});
  return send_one(guard, "hello");
}
