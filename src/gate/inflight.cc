#include "gate/inflight.h"

#include <algorithm>
#include <utility>

#include "gate/denial.h"
#include "gate/rpc_id.h"
#include "gate/session.h"

namespace notaus::gate {

std::string_view InFlight::tool_of_task(const std::string& task) const {
  auto found = tasks_.find(task);
  return found == tasks_.end() ? std::string_view() : found->second.tool;
}

void InFlight::start(UnderWay what) {
  std::string key = what.way.key(what.message.id_key);
  Request entry{std::move(what.message), std::move(what.tool), std::move(what.meta), std::move(what.way.name),
                std::move(what.permit)};
  if (entry.permit) entry.ending.wanted = entry.permit.cancellation();  // a stop may have come since its last look
  requests_.insert_or_assign(std::move(key), std::move(entry));
}

bool InFlight::hear(const ServerLine& line, const Way& way) {
  if (line.has_method && line.method.starts_with("notifications/tasks") && line.ends_task()) end_task(line.task);
  if (!line.is_response()) return true;
  auto key = id_key(line.id);
  if (!key) return true;
  key = way.key(*std::move(key));
  if (late_.erase(*key) != 0) return false;
  auto found = requests_.find(*key);
  if (found == requests_.end()) return true;
  Request request = std::move(found->second);
  requests_.erase(found);
  cancelled_.erase(*key);
  answered(std::move(request), line);
  return true;
}

void InFlight::answered(Request request, const ServerLine& line) {
  const std::string& method = request.message.method;
  bool handle = !line.task.empty() && (line.result_type == "task" || request.message.wants_task);
  if (request.message.asks == Asks::tool && line.has_result && handle) {
    tasks_.insert_or_assign(line.task, Task{std::move(request.tool),
                                            std::move(request.meta),
                                            request.message.era,
                                            std::move(request.permit),
                                            {std::move(request.ending.wanted), {}}});
    return;
  }
  request.permit.done(Outcome::done);
  // tasks/result is answered when the tool is; the other two tell how far it is.
  bool ended = method == "tasks/result" ? line.has_result : line.ends_task();
  if ((method == "tasks/get" || method == "tasks/result" || method == "tasks/cancel") && ended) end_task(request.message.task);
}

void InFlight::end_task(const std::string& task) {
  late_tasks_.erase(task);
  auto found = tasks_.find(task);
  if (found == tasks_.end()) return;
  found->second.permit.done(Outcome::done);
  tasks_.erase(found);
}

void InFlight::cancelled(const std::string& id_key, BootTime now) {
  auto found = requests_.find(id_key);
  if (found == requests_.end()) return;
  found->second.given_up = true;
  cancelled_.try_emplace(id_key, BootTime{now.ns + kGraceNs});
}

void InFlight::way_ended(const Way& way, Rest rest, BootTime now) {
  for (auto at = requests_.begin(); at != requests_.end();) {
    if (at->second.way != way.name) {
      ++at;
    } else if (rest == Rest::resumable) {
      cancelled_.try_emplace(at->first, BootTime{now.ns + kGraceNs});
      ++at;
    } else {
      at->second.permit.done(rest == Rest::answered ? Outcome::done : Outcome::unknown);
      cancelled_.erase(at->first);
      at = requests_.erase(at);
    }
  }
  std::erase_if(late_, [&](const auto& one) { return one.second == way.name; });
}

void InFlight::end_all() {
  requests_.clear();  // ends the permits as unknown
  cancelled_.clear();
  tasks_.clear();
  late_.clear();
  late_tasks_.clear();
}

void InFlight::resumed(const Way& way) {
  std::erase_if(cancelled_, [&](const auto& one) {
    Request& request = requests_.at(one.first);
    if (request.given_up) return false;
    request.way = way.name;
    return true;
  });
}

std::string InFlight::sever(const Way& way) {
  auto on_it = [&](const auto& one) { return one.second.way == way.name && one.second.ending.wanted; };
  auto found = std::ranges::find_if(requests_, on_it);
  if (found == requests_.end()) return {};
  std::string line = given_up_line(found->second.message, found->second.ending.wanted->denial);
  cancelled_.erase(found->first);
  requests_.erase(found);  // ends the permit as unknown
  return line;
}

void InFlight::give_up(const std::string& id_key) {
  auto found = requests_.find(id_key);
  if (found == requests_.end()) return;
  late_.emplace(id_key, std::move(found->second.way));
  requests_.erase(found);  // ends the permit as unknown
  cancelled_.erase(id_key);
}

void InFlight::give_up_task(const std::string& task) {
  if (tasks_.erase(task) != 0) late_tasks_.insert(task);
}

bool InFlight::only_late() const {
  auto guarded = [](const auto& one) { return static_cast<bool>(one.second.permit); };
  return std::ranges::none_of(requests_, guarded) && tasks_.empty();
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
