#include "gate/hub.h"

#include <utility>

namespace notaus::gate {

Hub::Hub(const std::string& state, std::function<void()> changed)
    : guard_(Guard::open({.state = state, .name = "gate:mcp", .on_change = std::move(changed)})) {}

std::shared_ptr<Dialogue> Hub::dialogue(const std::string& server, const Caller& caller, std::string_view session) {
  using View = std::string_view;
  const NameOf<View> name{server, session, session.empty() ? View(caller.tenant) : View(),
                          session.empty() ? View(caller.agent) : View()};
  std::lock_guard lock(mutex_);
  auto found = dialogues_.find(name);
  if (found == dialogues_.end()) {
    if (dialogues_.size() >= kMost) return nullptr;
    found = dialogues_.emplace(name, std::make_shared<Dialogue>(guard_, caller, server)).first;
  }
  if (found->second->caller() != caller) return nullptr;
  found->second->used_at = boot_now();
  return found->second;
}

void Hub::end(const std::string& server, std::string_view session) {
  if (session.empty()) return;
  std::lock_guard lock(mutex_);
  dialogues_.erase(NameOf<std::string>{server, session, "", ""});
}

std::vector<std::shared_ptr<Dialogue>> Hub::all() {
  std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<Dialogue>> out;
  out.reserve(dialogues_.size());
  for (const auto& [name, dialogue] : dialogues_) out.push_back(dialogue);
  return out;
}

void Hub::page_changed() {
  for (const auto& dialogue : all()) dialogue->page_changed();
}

Hub::Due Hub::keep_time(BootTime now) {
  Due due;
  for (const auto& dialogue : all()) {
    Dialogue::Due one = dialogue->keep_time(now);
    for (std::string& line : one.to_server) due.to_server.emplace_back(dialogue, std::move(line));
    if (one.next && (!due.next || *one.next < *due.next)) due.next = one.next;
  }
  std::lock_guard lock(mutex_);
  std::erase_if(dialogues_, [&](const auto& one) { return now.ns - one.second->used_at.ns >= kForgetNs && one.second->idle(); });
  return due;
}

}  // namespace notaus::gate
