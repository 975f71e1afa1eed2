#include "gate/cancel.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/id.h"
#include "base/json.h"
#include "gate/denial.h"
#include "gate/rpc_id.h"
#include "gate/strict_json.h"

namespace notaus::gate {
namespace {

constexpr std::int64_t kPollNs = 200'000'000;

// In the new era each request says for itself who asks and in which revision; ours say what the call's own said.
std::string own_meta(const std::string& meta) {
  JsonLine out;
  Members members;
  if (read_object(meta, members))
    for (std::string_view key : {"io.modelcontextprotocol/protocolVersion", "io.modelcontextprotocol/clientInfo",
                                 "io.modelcontextprotocol/clientCapabilities"})
      if (auto value = members.find(key); !value.empty()) out.raw(key, value);
  return out.text();
}

}  // namespace

void Canceller::come_at(BootTime at) { next_ = next_ ? std::min(*next_, at) : at; }

// One that was asked already goes on being ended: the asking has cost its outcome.
void Canceller::look() {
  for (auto& [key, request] : in_flight_.requests())
    if (request.permit && !request.ending.asked) request.ending.wanted = request.permit.cancellation();
  for (auto& [id, task] : in_flight_.tasks())
    if (!task.ending.asked) task.ending.wanted = task.permit.cancellation();
}

bool Canceller::enforce(BootTime now, bool amid_line, std::vector<Order>& orders) {
  next_.reset();
  if (std::exchange(look_, false)) look();
  enforce_requests(now, amid_line, orders);
  enforce_tasks(now, orders);
  return (in_flight_.late() && in_flight_.only_late()) || (amid_line && all_overdue(now));
}

// Is every call that it has one that should have ended a while ago?
bool Canceller::all_overdue(BootTime now) {
  bool any = false;
  auto overdue = [&](const auto& one) {
    if (!one.second.permit) return true;
    any = true;
    const auto& asked = one.second.ending.asked;
    if (asked && now.ns < asked->ns + 2 * kAnswerNs) come_at({asked->ns + 2 * kAnswerNs});
    return asked && now.ns >= asked->ns + 2 * kAnswerNs;
  };
  return std::ranges::all_of(in_flight_.requests(), overdue) && std::ranges::all_of(in_flight_.tasks(), overdue) && any;
}

// Its grace is over, or was before. `ask`: it has just ended.
template <class Ask>
bool Canceller::is_asked(Cancelling& ending, BootTime now, Ask ask) {
  if (!ending.wanted) return false;
  if (!ending.asked && now.ns < ending.wanted->at) {
    come_at({ending.wanted->at});
    return false;
  }
  if (!ending.asked) {
    ending.asked = now;
    ask();
  }
  return true;
}

void Canceller::enforce_requests(BootTime now, bool amid_line, std::vector<Order>& orders) {
  std::vector<std::string> over;
  for (auto& [key, request] : in_flight_.requests()) {
    auto ask = [&] {
      if (!request.given_up)
        orders.push_back({Order::To::server, request.way, cancel_line(request.message.id, request.ending.wanted->denial)});
    };
    if (!is_asked(request.ending, now, ask)) continue;
    const BootTime last{request.ending.asked->ns + kAnswerNs};
    if (now < last) come_at(last);
    if (now < last || amid_line) continue;
    if (!request.given_up)
      orders.push_back({Order::To::waiting, request.way, given_up_line(request.message, request.ending.wanted->denial)});
    over.push_back(key);
  }
  for (const std::string& key : over) in_flight_.give_up(key);
}

// A task tells how it ended, unlike a request: so it is asked to end, and then asked how far it is.
void Canceller::enforce_tasks(BootTime now, std::vector<Order>& orders) {
  std::vector<std::string> over;
  for (auto& [id, task] : in_flight_.tasks()) {
    auto say = [&](std::string_view method) {
      orders.push_back({Order::To::server, {}, task_line(method, id, task)});
      task.poll_at = {now.ns + kPollNs};
    };
    if (!is_asked(task.ending, now, [&] { say("tasks/cancel"); })) continue;
    const BootTime last{task.ending.asked->ns + kAnswerNs};
    if (now >= last) {
      over.push_back(id);
      continue;
    }
    if (now >= *task.poll_at) say("tasks/get");
    come_at(std::min(last, *task.poll_at));
  }
  for (const std::string& id : over) in_flight_.give_up_task(id);
}

std::string Canceller::task_line(std::string_view method, const std::string& id, const InFlight::Task& task) {
  if (prefix_.empty()) prefix_ = "notaus-" + new_id() + "-";  // no id of the client's
  const std::string own = prefix_ + std::to_string(++asked_), json = json_string(own);
  ours_.emplace(id_key(json).value_or(own), id);
  JsonLine params;
  params.field("taskId", id);
  if (task.era == Era::modern) params.raw("_meta", own_meta(task.meta));
  return JsonLine().field("jsonrpc", "2.0").raw("id", json).field("method", method).raw("params", params.text()).text() + "\n";
}

bool Canceller::hear(const ServerLine& line) {
  if (ours_.empty() || !line.is_response()) return false;
  auto found = ours_.find(id_key(line.id).value_or(""));
  if (found == ours_.end()) return false;
  if (line.ends_task()) in_flight_.end_task(found->second);
  ours_.erase(found);
  return true;
}

}  // namespace notaus::gate
