#include "gate/session.h"

#include <utility>

#include "base/json.h"
#include "gate/canonical_json.h"
#include "gate/denial.h"
#include "gate/rpc_id.h"

namespace notaus::gate {
namespace {

Ruling pass() { return {.pass = true}; }

Ruling drop(std::string note) { return {.note = std::move(note)}; }

}  // namespace

Ruling reject(const Rejection& rejection) {
  return {.to_client = rejection_line(rejection), .note = "rejected a line from the client: " + rejection.why + " (not forwarded)"};
}

Ruling Session::hear_client(std::string_view text, UnderWay& into, const Way& way) {
  auto message = classify(text);
  if (!message) return reject(message.error());
  return hear_client(std::move(*message), into, way);
}

Ruling Session::hear_client(Message message, UnderWay& into, const Way& way) {
  if (message.shape == Shape::response) return rule_response(std::move(message), into);
  return rule(std::move(message), way, into);
}

Admission Session::admit(Call call) {
  call.tenant = caller_.tenant;
  call.agent = caller_.agent;
  return guard_.admit(call);
}

Ruling Session::rule(Message&& message, const Way& way, UnderWay& into) {
  if (message.shape == Shape::request) {
    // With its id, this answer would end the other request that has it.
    if (in_flight_.has(way.key(message.id_key))) return reject({kInvalidRequest, "id " + message.id + " is in flight already"});
    if (in_flight_.full()) return reject({kInvalidRequest, "too many requests in flight", message.id});
  }
  std::string tool(message.asks == Asks::task ? in_flight_.tool_of_task(message.task) : message.tool);
  Permit permit;
  if (message.asks != Asks::nothing) {
    const std::string args = canonical(message.args);
    Call call = call_of(message, tool);
    call.args = args;
    Admission admission = admit(call);
    if (!admission) return denied(message, admission.denial());
    permit = std::move(admission.permit());
  }
  std::string meta(message.asks == Asks::tool && message.era == Era::modern ? message.meta : "");
  message.args = message.meta = {};  // the text may move from here on
  into = {std::move(message), std::move(tool), std::move(meta), way, std::move(permit)};
  return pass();
}

// An answer to what the server asked. Under stop_all its content is withheld, and the server told so, that it need not wait.
Ruling Session::rule_response(Message&& message, UnderWay& into) {
  auto found = asked_.find(message.id_key);
  if (found == asked_.end()) return drop("dropped a response from the client: the server asked nothing with id " + message.id);
  bool guarded = found->second.guarded;
  found->second.permit.done(Outcome::done);
  asked_.erase(found);
  Permit permit;
  if (guarded) {
    Admission admission = admit({});
    if (!admission) return denied(message, admission.denial());
    permit = std::move(admission.permit());
  }
  message.args = message.meta = {};
  into = {.message = std::move(message), .permit = std::move(permit)};
  return pass();
}

std::optional<Ruling> Session::last_look(UnderWay& what) {
  if (!what.permit) return std::nullopt;
  auto denial = what.permit.recheck();
  if (!denial) return std::nullopt;
  return denied(what.message, *denial);
}

void Session::sent(UnderWay what, BootTime now) {
  // A stream of news is no work: no stop waits for it or ends it.
  if (what.message.asks == Asks::news) what.permit.done(Outcome::done);
  if (what.message.shape == Shape::request) return in_flight_.start(std::move(what));
  // Nobody answers these: being handed over is all that will ever be seen of them.
  what.permit.done(what.message.shape == Shape::response ? Outcome::done : Outcome::unknown);
  if (!what.message.cancels.empty()) in_flight_.cancelled(what.message.cancels, now);
}

void Session::not_sent(UnderWay what) { what.permit.done(Outcome::not_sent); }

Ruling Session::denied(const Message& message, const Denial& denial) {
  if (message.shape == Shape::response) return {.to_server = denied_request_line(message.id, denial)};
  return {.to_client = denial_line(message, denial)};
}

Ruling Session::hear_server(const ServerLine& line, const Way& way) {
  if (line.form == ServerLine::Form::batch) return drop("dropped a batch from the server");
  if (line.is_request()) return ask_client(line, way);
  if (line.method == "notifications/cancelled") asked_.erase(id_key(line.cancels).value_or(""));
  if (canceller_.hear(line)) return {};
  if (!in_flight_.hear(line, way)) return drop("dropped a late answer from the server: its call had been given up after a stop");
  return pass();
}

Ruling Session::ask_client(const ServerLine& line, const Way& way) {
  auto key = id_key(line.id);
  if (!key || asked_.size() >= InFlight::kMost) return drop("dropped a request from the server: id " + json_string(line.id));
  Asked asked{.id = line.id, .way = way.name, .permit = {}, .guarded = line.method != "ping"};
  if (asked.guarded) {
    Admission admission = admit({});
    if (!admission) return {.to_server = denied_request_line(line.id, admission.denial())};
    asked.permit = std::move(admission.permit());
  }
  asked_.insert_or_assign(std::move(*key), std::move(asked));
  return pass();
}

// What the server asked on it is asked no more, unless its session lives on.
void Session::way_ended(const Way& way, Rest rest, BootTime now) {
  in_flight_.way_ended(way, rest, now);
  if (way.own_ids) std::erase_if(asked_, [&](const auto& one) { return one.second.way == way.name; });
}

void Session::server_ended() {
  in_flight_.end_all();
  asked_.clear();
}

void Session::page_changed() {
  canceller_.page_changed();
  for (auto& [key, asked] : asked_)
    if (asked.permit) asked.wanted = asked.permit.cancellation();
}

Session::Due Session::keep_time(BootTime now, bool amid_line) {
  Due due;
  due.end_server = canceller_.enforce(now, amid_line, due.orders);
  end_asked(now, due);
  for (auto at : {canceller_.next(), in_flight_.expire(now)})
    if (at && (!due.next || *at < *due.next)) due.next = at;
  return due;
}

// A stopped agent is asked nothing more on a server's behalf, and the server need not wait for it.
void Session::end_asked(BootTime now, Due& due) {
  std::erase_if(asked_, [&](const auto& one) {
    const Asked& asked = one.second;
    if (!asked.wanted) return false;
    if (now.ns < asked.wanted->at) {
      if (!due.next || asked.wanted->at < due.next->ns) due.next = {asked.wanted->at};
      return false;
    }
    due.orders.push_back({Order::To::server, {}, denied_request_line(asked.id, asked.wanted->denial)});
    due.orders.push_back({Order::To::client, asked.way, cancel_line(asked.id, asked.wanted->denial)});
    return true;  // ends the permit as unknown
  });
}

}  // namespace notaus::gate
