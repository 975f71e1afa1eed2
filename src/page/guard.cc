// The public door (include/notaus/guard.hpp): every call, in every process and protocol, passes Guard::admit.
#include <notaus/guard.hpp>

#include "base/clock.h"
#include "base/id.h"
#include "page/point.h"

namespace notaus {
namespace {

// Made beforehand: it is said when there is no memory to say more.
const Denial kFault{Why::guard_fault, reason(Why::guard_fault, ""), {}, 0, {}};

Denial fault() noexcept {
  try {
    return kFault;
  } catch (...) {
    return {Why::guard_fault, {}, {}, 0, {}};
  }
}

// Inside a customer's process nothing of ours is thrown: what goes wrong here denies.
template <class Ask>
Admission guarded(Ask ask) noexcept {
  try {
    return ask();
  } catch (...) {
    return Admission(std::unique_ptr<Denial>());
  }
}

}  // namespace

Guard Guard::open(GuardOptions options) noexcept { return Guard(std::make_shared<page::Point>(std::move(options))); }

Admission Guard::admit(const Call& call) & noexcept {
  return guarded([&] {
    page::Attachment* here = point_->attachment();
    if (here == nullptr) return Admission(std::make_unique<Denial>(point_->missing(point_->complete(call))));
    return here->admit(point_->complete(call), wall_now().ms);
  });
}

std::optional<Denial> Guard::check(const Call& call) noexcept {
  try {
    page::Attachment* here = point_->attachment();
    if (here == nullptr) return point_->missing(point_->complete(call));
    page::Answer answer = here->ask(point_->complete(call));
    if (answer.why == Why::allowed) return std::nullopt;
    return here->denial(answer, call.tool);
  } catch (...) {
    return fault();
  }
}

void Guard::refused(const Call& call, std::string_view why) noexcept {
  try {
    if (page::Attachment* here = point_->attachment()) here->refused(point_->complete(call), why, wall_now().ms);
  } catch (...) {
    return;  // a record is lost; nothing was admitted
  }
}

Handle Guard::handle(const Call& call) {
  Call whole = point_->complete(call);
  auto lane = std::make_shared<page::Lane>(std::string(whole.tenant), std::string(whole.agent), std::string(whole.run),
                                           std::string(whole.tool), whole.effect, random_u64() | 1);
  if (page::Attachment* here = point_->attachment()) here->keys().expect(whole.tenant);
  return Handle(point_, std::move(lane));
}

std::string Guard::trouble() const { return point_->trouble(); }

Admission Handle::admit(std::string_view args) noexcept {
  return guarded([&] {
    page::Attachment* here = point_->attachment();
    if (here == nullptr) return Admission(std::make_unique<Denial>(point_->missing(lane_->call(args))));
    return here->admit(*lane_, args, point_->now_ms());
  });
}

const Denial& Admission::denial() const noexcept { return denial_ ? *denial_ : kFault; }

std::optional<Denial> Permit::recheck() noexcept {
  if (attachment_ == nullptr) return fault();
  try {
    auto denied = attachment_->recheck({slot_, claim_}, word_);
    if (denied) attachment_ = nullptr;  // it is over
    return denied;
  } catch (...) {
    done(Outcome::not_sent);
    return fault();
  }
}

void Permit::done(Outcome outcome) noexcept {
  if (page::Attachment* here = std::exchange(attachment_, nullptr)) here->finish({slot_, claim_}, word_, outcome);
}

std::optional<Cancellation> Permit::cancellation() const noexcept {
  try {
    return attachment_ != nullptr ? attachment_->cancellation({slot_, claim_}) : std::nullopt;
  } catch (...) {  // no memory: nothing is asked of the call now, the next flip or look asks again
    return std::nullopt;
  }
}

std::stop_token Permit::stop_token() {
  return attachment_ != nullptr ? attachment_->stop_token({slot_, claim_}) : std::stop_token();
}

std::string Permit::id() const { return attachment_ != nullptr ? attachment_->id({slot_, claim_}) : ""; }

}  // namespace notaus
