#include "gate/session.h"

#include <utility>

#include "base/json.h"
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

Ruling Session::hear_client(std::string_view line) {
  if (line.find_first_not_of(" \t\r\n") == std::string_view::npos) return {};
  auto message = classify(line);
  if (!message) return reject(message.error());
  return message->shape == Shape::response ? rule_response(std::move(*message)) : rule(std::move(*message));
}

Ruling Session::rule(Message message) {
  if (message.shape == Shape::request) {
    // With its id, this answer would end the other request that has it.
    if (in_flight_.has(message.id_key)) return reject({kInvalidRequest, "id " + message.id + " is in flight already"});
    if (in_flight_.full()) return reject({kInvalidRequest, "too many requests in flight", message.id});
  }
  std::string tool(message.asks == Asks::task ? in_flight_.tool_of_task(message.task) : message.tool);
  Permit permit;
  if (message.asks != Asks::nothing) {
    Admission admission = guard_.admit(call_of(message, tool));
    if (!admission) return denied(message, admission.denial());
    permit = std::move(admission.permit());
  }
  message.args = {};  // the line may move from here on
  pending_.emplace(std::move(message), std::move(tool), std::move(permit));
  return pass();
}

// An answer to what the server asked. Under stop_all its content is withheld, and the server told so, that it need not wait.
Ruling Session::rule_response(Message message) {
  auto found = asked_.find(message.id_key);
  if (found == asked_.end()) return drop("dropped a response from the client: the server asked nothing with id " + message.id);
  bool guarded = found->second.guarded;
  found->second.permit.done(Outcome::done);
  asked_.erase(found);
  Permit permit;
  if (guarded) {
    Admission admission = guard_.admit({});
    if (!admission) return denied(message, admission.denial());
    permit = std::move(admission.permit());
  }
  pending_.emplace(std::move(message), "", std::move(permit));
  return pass();
}

std::optional<Ruling> Session::last_look() {
  if (!pending_ || !pending_->permit) return std::nullopt;
  auto denial = pending_->permit.recheck();
  if (!denial) return std::nullopt;
  Ruling ruling = denied(pending_->message, *denial);
  pending_.reset();
  return ruling;
}

void Session::sent(BootTime now) {
  if (!pending_) return;
  Pending line = std::move(*pending_);
  pending_.reset();
  if (line.message.shape == Shape::request) return in_flight_.start(line.message, line.tool, std::move(line.permit));
  // Nobody answers these: being handed over is all that will ever be seen of them.
  line.permit.done(line.message.shape == Shape::response ? Outcome::done : Outcome::unknown);
  if (!line.message.cancels.empty()) in_flight_.cancelled(line.message.cancels, now);
}

void Session::not_sent() {
  if (pending_) pending_->permit.done(Outcome::not_sent);
  pending_.reset();
}

Ruling Session::denied(const Message& message, const Denial& denial) {
  if (message.shape == Shape::response) return {.to_server = denied_request_line(message.id, denial)};
  return {.to_client = denial_line(message, denial)};
}

Ruling Session::hear_server(const ServerLine& line) {
  if (line.form == ServerLine::Form::batch) return drop("dropped a batch from the server");
  if (line.is_request()) return ask_client(line);
  if (line.method == "notifications/cancelled") asked_.erase(id_key(line.cancels).value_or(""));
  in_flight_.hear(line);
  return pass();
}

Ruling Session::ask_client(const ServerLine& line) {
  auto key = id_key(line.id);
  if (!key || asked_.size() >= InFlight::kMost) return drop("dropped a request from the server: id " + json_string(line.id));
  Asked asked{.permit = {}, .guarded = line.method != "ping"};
  if (asked.guarded) {
    Admission admission = guard_.admit({});
    if (!admission) return {.to_server = denied_request_line(line.id, admission.denial())};
    asked.permit = std::move(admission.permit());
  }
  asked_.insert_or_assign(std::move(*key), std::move(asked));
  return pass();
}

}  // namespace notaus::gate
