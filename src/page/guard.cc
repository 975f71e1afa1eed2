// The public door (include/notaus/guard.hpp): every call, in every process and protocol, passes Guard::admit.
#include <notaus/guard.hpp>

#include "base/clock.h"
#include "base/id.h"
#include "page/point.h"

namespace notaus {
namespace {

std::unique_ptr<Denial> fault() {
  return std::make_unique<Denial>(Denial{Why::guard_fault, reason(Why::guard_fault, ""), {}, 0, {}});
}

// Inside a customer's process nothing of ours is thrown: what goes wrong here denies.
template <class Ask>
Admission guarded(Ask ask) noexcept {
  try {
    return ask();
  } catch (...) {
    return Admission(fault());
  }
}

}  // namespace

Guard Guard::open(GuardOptions options) noexcept { return Guard(std::make_shared<page::Point>(std::move(options))); }

Admission Guard::admit(const Call& call) noexcept {
  return guarded([&] {
    page::Attachment* here = point_->attachment();
    if (here == nullptr) return Admission(std::make_unique<Denial>(point_->missing(call.tool)));
    return here->admit(point_->complete(call), wall_now().ms);
  });
}

std::optional<Denial> Guard::check(const Call& call) noexcept {
  try {
    page::Attachment* here = point_->attachment();
    if (here == nullptr) return point_->missing(call.tool);
    page::Answer answer = here->ask(point_->complete(call));
    if (answer.why == Why::allowed) return std::nullopt;
    return here->denial(answer, call.tool);
  } catch (...) {
    return *fault();
  }
}

void Guard::refused(const Call& call, std::string_view why) noexcept {
  try {
    if (page::Attachment* here = point_->attachment()) here->refused(point_->complete(call), why, wall_now().ms);
  } catch (...) {  // a record is lost; nothing was admitted
  }
}

Handle Guard::handle(const Call& call) {
  Call whole = point_->complete(call);
  auto lane = std::make_shared<page::Lane>(std::string(whole.tenant), std::string(whole.agent), std::string(whole.run),
                                           std::string(whole.tool), whole.effect, random_u64() | 1);
  return Handle(point_, std::move(lane));
}

std::string Guard::trouble() const { return point_->trouble(); }

Admission Handle::admit(std::string_view args) noexcept {
  return guarded([&] {
    page::Attachment* here = point_->attachment();
    if (here == nullptr) return Admission(std::make_unique<Denial>(point_->missing(lane_->tool)));
    return here->admit(*lane_, args, point_->now_ms());
  });
}

std::optional<Denial> Permit::recheck() noexcept {
  if (attachment_ == nullptr) return *fault();
  auto denied = attachment_->recheck({slot_, claim_}, word_);
  if (denied) attachment_ = nullptr;  // it is over
  return denied;
}

void Permit::done(Outcome outcome) noexcept {
  if (page::Attachment* here = std::exchange(attachment_, nullptr)) here->finish({slot_, claim_}, word_, outcome);
}

std::string Permit::id() const { return attachment_ != nullptr ? attachment_->id({slot_, claim_}) : ""; }

}  // namespace notaus
