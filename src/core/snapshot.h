// core/snapshot.h: a State laid flat, without pointers, so that it can lie in a page every process maps; and decide(), which reads it.
//
// Shape:   little-endian, 8-byte words. Header, stops, catalogue, rules, two hash tables, strings; every reference is an offset
//          from the image's start.
// Threads: a Snapshot may be read while another process overwrites the bytes: loads are relaxed atomics, every offset and count is
//          checked against the image's length, every walk is bounded. Such a read gives some answer; the caller throws it away when
//          the page word has moved (page/guard.cc).
// Rules:   the stops with equal selectors, merged. A rule with a tenant stands a second time under "any tenant", for calls that have
//          none; the same for agents. So a call is decided by at most 4 look-ups for each of its tool's prefixes, however many stops
//          there are.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "core/state.h"

namespace notaus::core {

struct Verdict {
  Why why = Why::allowed;
  std::uint32_t stop = kNone;  // which stop denied, for Snapshot::stop_id()

  static constexpr std::uint32_t kNone = ~0u;
  bool operator==(const Verdict&) const = default;
};

struct Header;

class Snapshot {
 public:
  // An empty Snapshot is not a state without stops: decide() denies everything under it with page_missing.
  Snapshot() = default;

  // `image` is 8-byte aligned. Broken: not an image, cut off, or damaged (its checksum is verified over all of it).
  static Result<Snapshot> open(Bytes image);

  // Without verifying the checksum; for who has verified these bytes before. Bounds are still checked at every read.
  static Snapshot trust(Bytes image) { return Snapshot(image); }

  [[nodiscard]] std::uint64_t revision() const;
  [[nodiscard]] std::string epoch() const;
  [[nodiscard]] std::uint64_t epoch_hash() const;
  [[nodiscard]] bool permit_needed() const;
  [[nodiscard]] std::string stop_id(std::uint32_t stop) const;  // empty if there is none

  // For a page that needs a permit: until when this host may admit. Comes from beside the image, since it moves without a flip.
  BootTime permit_until;

  // The rules decide() is written in. A stop that answers is the earliest of those that match.
  [[nodiscard]] Why fence() const;
  [[nodiscard]] std::uint32_t stops_all(const Call& call) const;
  [[nodiscard]] std::uint32_t disables(const Call& call) const;
  [[nodiscard]] std::uint32_t read_only(const Call& call) const;
  [[nodiscard]] bool writes(const Call& call) const;
  [[nodiscard]] bool expired(BootTime now) const;
  [[nodiscard]] bool fences(const Call& call) const;

  // Those that want calls in flight ended. Allocates.
  [[nodiscard]] std::vector<Stop> cancelling() const;

  [[nodiscard]] State state() const;  // allocates; the inverse of flatten()

 private:
  explicit Snapshot(Bytes image) : image_(image) {}
  [[nodiscard]] Stop stop(std::uint32_t number) const;
  [[nodiscard]] std::uint32_t find(const Call& call, Mode mode) const;
  [[nodiscard]] std::string string(std::uint32_t offset) const;

  Bytes image_;
};

// Refused: it would be longer than `at_most` bytes.
Result<std::vector<std::uint64_t>> flatten(const State& state, std::size_t at_most);

inline Bytes bytes_of(const std::vector<std::uint64_t>& words) { return std::as_bytes(std::span(words)); }

// May this call run? Every guard, gate, command and page asks this one function. No I/O, no clock, no allocation.
[[nodiscard]] Verdict decide(const Snapshot& state, const Call& call, BootTime now);

}  // namespace notaus::core
