#include "gate/inflight.h"

#include <utility>

#include "gate/rpc_id.h"

namespace notaus::gate {
namespace {

bool terminal(std::string_view status) { return status == "completed" || status == "failed" || status == "cancelled"; }

}  // namespace

std::string_view InFlight::tool_of_task(const std::string& task) const {
  auto found = tasks_.find(task);
  return found == tasks_.end() ? std::string_view() : found->second.tool;
}

void InFlight::start(const Message& request, std::string_view tool, Permit permit) {
  Request& entry = requests_[request.id_key];
  entry.tool = tool;
  entry.method = request.method;
  entry.task = request.task;
  entry.is_tool = request.asks == Asks::tool;
  entry.wants_task = request.wants_task;
  entry.permit = std::move(permit);
}

void InFlight::hear(const ServerLine& line) {
  if (line.has_method && line.method.starts_with("notifications/tasks") && terminal(line.status)) end_task(line.task);
  if (!line.is_response()) return;
  auto key = id_key(line.id);
  auto found = key ? requests_.find(*key) : requests_.end();
  if (found == requests_.end()) return;
  Request request = std::move(found->second);
  requests_.erase(found);
  cancelled_.erase(*key);
  answered(std::move(request), line);
}

void InFlight::answered(Request request, const ServerLine& line) {
  bool handle = !line.task.empty() && (line.result_type == "task" || request.wants_task);
  if (request.is_tool && line.has_result && handle) {
    tasks_.insert_or_assign(line.task, Task{std::move(request.tool), std::move(request.permit)});
    return;
  }
  request.permit.done(Outcome::done);
  // tasks/result is answered when the tool is; the other two tell how far it is.
  bool ended = request.method == "tasks/result" ? line.has_result : terminal(line.status);
  if ((request.method == "tasks/get" || request.method == "tasks/result" || request.method == "tasks/cancel") && ended)
    end_task(request.task);
}

void InFlight::end_task(const std::string& task) {
  auto found = tasks_.find(task);
  if (found == tasks_.end()) return;
  found->second.permit.done(Outcome::done);
  tasks_.erase(found);
}

void InFlight::cancelled(const std::string& id_key, BootTime now) {
  if (has(id_key)) cancelled_.try_emplace(id_key, BootTime{now.ns + kGraceNs});
}

std::optional<BootTime> InFlight::expire(BootTime now) {
  std::optional<BootTime> next;
  std::erase_if(cancelled_, [&](const auto& entry) {
    if (entry.second > now) {
      if (!next || entry.second < *next) next = entry.second;
      return false;
    }
    requests_.erase(entry.first);  // ends the permit as unknown
    return true;
  });
  return next;
}

}  // namespace notaus::gate
