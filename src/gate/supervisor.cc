#include "gate/supervisor.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/id.h"

namespace notaus::gate {
namespace {

Told refused(unsigned status, std::string why) { return {.what = Told::What::refused, .text = std::move(why), .status = status}; }

}  // namespace

Supervisor::Supervisor(Guard& guard, const Heir* heir, Limits limits) : guard_(guard), heir_(heir), limits_(limits) {
  loop_.watch(*this);
  thread_ = std::thread([this] { loop_.run(); });
}

void Supervisor::take(Errand errand) {
  auto held = std::make_shared<Errand>(std::move(errand));
  loop_.post([this, held] { decide(std::move(*held)); });
}

void Supervisor::leave(const std::string& way) {
  loop_.post([this, way] {
    auto found = ways_.find(way);
    if (found == ways_.end()) return;
    auto piped = found->second.lock();
    ways_.erase(found);
    if (piped) piped->leave(way);
  });
}

void Supervisor::page_changed() {
  loop_.post([this] {
    for (const Housed& child : children_) child.piped->page_changed();
  });
}

void Supervisor::end() {
  if (!thread_.joinable()) return;
  loop_.post([this] {
    ending_ = true;
    for (const Housed& child : children_) child.piped->close();
    if (children_.empty()) loop_.stop();
  });
  thread_.join();
}

void Supervisor::decide(Errand errand) {
  const Tell tell = errand.outgoing.tell;
  if (ending_) return tell(refused(503, "the gate ends"));
  Housed* child = find(errand);
  if (child == nullptr) return;
  const auto piped = child->piped;
  child->used_at = boot_now();
  ways_.insert_or_assign(errand.outgoing.way, piped);
  switch (errand.what) {
    case Errand::What::message: return piped->hear(std::move(errand.outgoing));
    case Errand::What::news: return piped->hear_news(errand.outgoing.way, tell);
    case Errand::What::end: piped->close(); return tell({.what = Told::What::accepted});
  }
}

// nullptr: it has been told why there is none.
Supervisor::Housed* Supervisor::find(const Errand& errand) {
  const Message& message = errand.outgoing.message;
  const Tell& tell = errand.outgoing.tell;
  if (errand.what == Errand::What::message && message.era == Era::modern) return shared(errand);
  if (errand.session.empty()) {
    if (message.method == "initialize") return start(errand, new_id() + new_id());
    tell(refused(400, "no Mcp-Session-Id: a session begins with initialize"));
    return nullptr;
  }
  auto found = std::ranges::find_if(children_, [&](const Housed& child) {
    return child.session == errand.session && child.server == errand.server && !child.piped->ending();
  });
  if (found == children_.end()) {
    tell(refused(404, "there is no such session, or no more: begin another one with initialize"));
    return nullptr;
  }
  if (found->caller == errand.caller) return &*found;
  tell(refused(403, "the session of another caller"));
  return nullptr;
}

Supervisor::Housed* Supervisor::shared(const Errand& errand) {
  const Message& message = errand.outgoing.message;
  auto may = [&](const Housed& child) {
    return child.session.empty() && child.server == errand.server && child.caller == errand.caller &&
           child.command == errand.command && child.version == message.version && !child.piped->ending();
  };
  auto has_task = [&](const Housed& child) { return may(child) && child.piped->runs(message.task); };
  auto free = [&](const Housed& child) { return may(child) && child.piped->can_tell_apart(message); };
  auto found = message.task.empty() ? children_.end() : std::ranges::find_if(children_, has_task);
  if (found == children_.end()) found = std::ranges::find_if(children_, free);
  return found != children_.end() ? &*found : start(errand, "");
}

Supervisor::Housed* Supervisor::start(const Errand& errand, std::string session) {
  const Tell& tell = errand.outgoing.tell;
  const auto his = static_cast<std::size_t>(std::ranges::count(children_, errand.caller, &Housed::caller));
  if (his >= limits_.of_caller || children_.size() >= limits_.all) {
    const auto most =
        his >= limits_.of_caller ? fmt::format("{} of one caller", limits_.of_caller) : fmt::format("{} in all", limits_.all);
    tell(refused(503, "no more processes of servers than " + most + ": end a session with DELETE, or wait until one is forgotten"));
    return nullptr;
  }
  auto piped = Piped::start(loop_, guard_, errand.caller, errand.command, heir_);
  if (!piped) {
    tell({.what = Told::What::not_sent, .text = "cannot be run: " + piped.error().what});
    return nullptr;
  }
  if (!session.empty()) tell({.what = Told::What::session, .text = session});
  return &children_.emplace_back(errand.server, std::move(session), errand.command, errand.caller, errand.outgoing.message.version,
                                 std::move(*piped), boot_now());
}

void Supervisor::tick(BootTime now) {
  std::erase_if(ways_, [](const auto& one) { return one.second.expired(); });
  for (const Housed& child : children_) {
    const std::int64_t patience = child.session.empty() ? limits_.forget_ns : limits_.forget_session_ns;
    if (!child.piped->ending() && child.piped->idle() && now.ns - child.used_at.ns >= patience) child.piped->close();
  }
  std::erase_if(children_, [](const Housed& child) { return child.piped->ended(); });
  if (ending_ && children_.empty()) loop_.stop();
}

}  // namespace notaus::gate
