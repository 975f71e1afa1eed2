#include "host/rounds.h"

#include <utility>

namespace notaus::host {
namespace {

constexpr auto kRest = std::chrono::seconds(1);
constexpr auto kPatience = std::chrono::milliseconds(500);  // with other commands, which do the same

}  // namespace

Rounds::Rounds(Site site, std::function<void(const std::string&)> told) : site_(std::move(site)), told_(std::move(told)) {
  thread_ = std::thread([this] {
    while (rest()) turn();
    (void)drain(site_, kPatience);
  });
}

Rounds::~Rounds() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  ends_.notify_all();
  thread_.join();
}

bool Rounds::rest() {
  std::unique_lock lock(mutex_);
  return !ends_.wait_for(lock, kRest, [this] { return ending_; });
}

void Rounds::turn() {
  auto view = sync(site_, kPatience);
  if (!view) return tell(view.error().what);
  auto drained = drain(site_, kPatience);
  const bool failed = !drained && drained.error().kind != Kind::retry;  // else somebody else is at it
  tell(!view->warning.empty() ? view->warning : failed ? drained.error().what : "");
}

void Rounds::tell(std::string trouble) {
  if (trouble == trouble_) return;
  trouble_ = std::move(trouble);
  told_(trouble_);
}

}  // namespace notaus::host
