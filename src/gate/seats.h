// gate/seats.h: how many calls one caller may have under way on one loop, so that none, however slowly it reads, takes the places of all.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <utility>

#include "gate/identity.h"
#include "net/message.h"

namespace notaus::gate {

class Seats {
  using Taken = std::map<std::pair<std::string, std::string>, std::size_t>;

 public:
  // Is free again when this is gone. The seats outlive it.
  class Seat {
   public:
    Seat() = default;
    Seat(Seat&& other) noexcept { *this = std::move(other); }
    Seat& operator=(Seat&& other) noexcept {
      std::swap(taken_, other.taken_);
      std::swap(whose_, other.whose_);
      return *this;
    }
    ~Seat() {
      if (taken_ != nullptr && --whose_->second == 0) taken_->erase(whose_);
    }
    explicit operator bool() const { return taken_ != nullptr; }

   private:
    friend Seats;
    Seat(Taken& taken, Taken::iterator whose) : taken_(&taken), whose_(whose) { ++whose_->second; }

    Taken* taken_ = nullptr;
    Taken::iterator whose_ = {};
  };

  explicit Seats(std::size_t most) : most_(most) {}

  // False: it has as many as it may.
  [[nodiscard]] Seat take(const Caller& caller) {
    const auto whose = taken_.try_emplace({caller.tenant, caller.agent}).first;
    return whose->second < most_ ? Seat(taken_, whose) : Seat();
  }

 private:
  const std::size_t most_;
  Taken taken_;
};

constexpr net::Refusal kNoSeat = {
    503,
    "as many calls of this agent are under way as one may have (`limits: calls_per_agent`); this one was not "
    "executed, and may be sent again when another has ended"};

}  // namespace notaus::gate
