#include "page/attachment.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/clock.h"
#include "core/flat.h"
#include "page/entry.h"
#include "page/record.h"

namespace notaus::page {
namespace {

constexpr std::uint64_t kAsWrite = std::uint64_t{1} << 63;  // of Lane::allowed; words have 63 bits
constexpr const char* kLatchStop = "latch";

Why why_of(core::Mode mode) {
  switch (mode) {
    case core::Mode::disable_writes: return Why::writes_disabled;
    case core::Mode::disable_tool: return Why::tool_disabled;
    case core::Mode::stop_all: break;
  }
  return Why::stop_all;
}

}  // namespace

// The page's half under `word` is read once per word: its checksum, and that the ledger has neither gone back nor been exchanged.
std::optional<Why> Attachment::unsound(std::uint64_t word) const {
  if (verified_.load(std::memory_order_relaxed) == word) return std::nullopt;
  if (word == 0) return Why::page_missing;
  auto snapshot = page_.verify(word);
  if (!snapshot) return Why::page_torn;
  const std::uint64_t epoch = snapshot->epoch_hash() | 1, revision = snapshot->revision();
  if (!page_.shows(word)) return Why::page_torn;  // else we might witness what the next flip will show, if its publisher lives
  std::uint64_t none = 0;
  if (!witness_.epoch.compare_exchange_strong(none, epoch) && none != epoch) return Why::epoch_changed;
  std::uint64_t last = witness_.revision.load();
  while (last < revision && !witness_.revision.compare_exchange_weak(last, revision)) {
  }
  if (last > revision) return page_.shows(word) ? Why::revision_went_back : Why::page_torn;
  verified_.store(word, std::memory_order_relaxed);
  return std::nullopt;
}

Answer Attachment::ask(const Call& call) const noexcept try {
  const PageHead& head = page_.head();
  Answer answer;
  for (int attempt = 0; attempt < 3; ++attempt) {
    const std::uint64_t word = answer.word = head.word.load();
    const std::uint64_t latch = head.latch.load();
    if (latch & kRetired) return {.why = Why::page_missing, .word = word};
    if (denies(latch)) return {.why = Why::stop_all, .word = word, .stop = kLatchStop};
    auto why = unsound(word);
    if (!why) {
      core::Snapshot state = page_.trust(word);
      const bool permit_needed = state.permit_needed();
      if (permit_needed) state.permit_until = {head.permit_until.load()};
      const core::Verdict verdict = core::decide(state, call, permit_needed ? boot_now() : BootTime{});
      answer.why = verdict.why;
      answer.write = state.writes(call);
      answer.revision = state.revision();
      answer.remember = !permit_needed;
      if (verdict.stop != core::Verdict::kNone) answer.stop = state.stop_id(verdict.stop);
      if (permit_needed && head.time_namespace != time_namespace()) answer.why = Why::clock_foreign;
    } else {
      answer.why = *why;
    }
    if (page_.shows(word)) return answer;  // else a flip went over what we read: read the new half
  }
  return {.why = Why::page_torn, .word = answer.word};
} catch (...) {  // no memory for the id of the stop that denies; the slot is freed all the same
  return {.why = Why::guard_fault, .word = page_.head().word.load()};
}

Admission Attachment::admit(const Call& call, std::int64_t now_ms) {
  auto claim = slots_->claim(call, now_ms);
  if (!claim) {
    Answer full{.why = Why::slots_full};
    count_denial(call, full);
    return Admission(std::make_unique<Denial>(denial(full, call.tool)));
  }
  Answer answer = ask(call);  // after the claim: see slots.h
  if (answer.why != Why::allowed) return Admission(deny(*claim, answer, call));
  return Admission(permit(*claim, answer, call));
}

Admission Attachment::admit(Lane& lane, std::string_view args, std::int64_t now_ms) {
  auto claim = slots_->claim(lane, now_ms);
  if (!claim) return admit(lane.call(args), now_ms);
  const std::uint64_t allowed = lane.allowed.load(std::memory_order_acquire);
  const std::uint64_t word = page_.head().word.load();  // after the claim: see slots.h
  if ((allowed & ~kAsWrite) == word && word != 0 && !denies(page_.head().latch.load())) [[likely]] {
    Entry& entry = slots_->entry(claim->slot);
    entry.write = (allowed & kAsWrite) != 0;
    if (entry.write != 0) write_digest(entry, lane.tenant, args);
    return Admission(permit(*claim, entry, word));
  }
  Answer answer = ask(lane.call(args));
  if (answer.why != Why::allowed) return Admission(deny(*claim, answer, lane.call(args)));
  if (answer.remember) lane.allowed.store(answer.word | (answer.write ? kAsWrite : 0), std::memory_order_release);
  return Admission(permit(*claim, answer, lane.call(args)));
}

void Attachment::write_digest(Entry& entry, std::string_view tenant, std::string_view args) {
  auto digest = keys_.digest(tenant, args);
  entry.digest[0] = digest[0];
  entry.digest[1] = digest[1];
}

Permit Attachment::permit(const Claim& claim, const Answer& answer, const Call& call) {
  Entry& entry = slots_->entry(claim.slot);
  entry.write = answer.write;
  entry.revision = answer.revision;
  if (answer.write) write_digest(entry, call.tenant, call.args);
  return permit(claim, entry, answer.word);
}

Permit Attachment::permit(const Claim& claim, Entry& entry, std::uint64_t word) {
  entry.word = word;
  Permit permit;
  permit.attachment_ = this;
  permit.word_ = word;
  permit.claim_ = claim.word;
  permit.slot_ = claim.slot;
  return permit;
}

std::unique_ptr<Denial> Attachment::deny(const Claim& claim, const Answer& answer, const Call& call) {
  Entry& entry = slots_->entry(claim.slot);
  entry.write = answer.write;
  entry.word = answer.word;
  entry.revision = answer.revision;
  write_digest(entry, call.tenant, call.args);
  record_denial(claim, answer);
  return std::make_unique<Denial>(denial(answer, call.tool));
}

std::optional<Denial> Attachment::recheck(const Claim& claim, std::uint64_t word) {
  if (!*alive_) return denial({.why = Why::guard_fault}, "");
  const bool aside = aside_.load();
  if (!aside && page_.head().word.load() == word && !denies(page_.head().latch.load()) && !page_.trust(word).permit_needed())
    return std::nullopt;
  // Decide again, from what the slot says. A name that was cut there is left out, which matches every stop.
  Entry& entry = slots_->entry(claim.slot);
  auto whole = [](const auto& name) { return is_cut(name) ? std::string_view() : get_name(name); };
  Call call{.tenant = whole(entry.tenant),
            .agent = whole(entry.agent),
            .run = whole(entry.run),
            .tool = get_name(entry.tool),
            .effect = entry.write != 0 ? Effect::write : Effect::read};
  Answer answer = aside ? Answer{.why = Why::stop_all, .word = word} : ask(call);
  if (answer.why == Why::allowed && !is_cut(entry.tool)) return std::nullopt;
  if (answer.why == Why::allowed) answer.why = Why::guard_fault;  // whether a tool stop covers a name this long is not known here
  Denial out = denial(answer, call.tool);
  record_denial(claim, answer);
  return out;
}

void Attachment::finish(const Claim& claim, std::uint64_t word, Outcome outcome) {
  if (!*alive_ || !slots_->finish(claim, outcome)) return;
  const Entry& entry = slots_->entry(claim.slot);
  // A stop that scanned us as running must be able to read how we ended, so a read is recorded too when the page has moved.
  const std::uint64_t now = page_.head().word.load();
  if (entry.write != 0 || now != word) {
    if (!slots_->push(claim, {Fact::ended, outcome, Why::allowed, {}, now, moment_now()})) {
      // Before the slot is freed: a scan that finds it free must know. Only ever forward: another thread may have told a later word.
      Word& missed = slots_->file().head.missed;
      for (std::uint64_t told = missed.load(); told < now && !missed.compare_exchange_weak(told, now);) {
      }
      slots_->begin_counting(claim, outcome);
      slots_->file().head.lost_calls.fetch_add(1);
    }
    if (slots_->half_full() && nudge) nudge();
  }
  slots_->free(claim);
}

std::string Attachment::id(const Claim& claim) const { return call_id(slots_->process(), claim.slot, claim.word); }

std::optional<Cancellation> Attachment::cancellation(const Claim& claim) const {
  if (!*alive_) return std::nullopt;
  const Entry& entry = slots_->entry(claim.slot);
  for (int attempt = 0; attempt < 3; ++attempt) {
    const std::uint64_t word = page_.head().word.load();
    if (unsound(word)) return std::nullopt;  // the page that follows is looked at again
    const core::Snapshot shown = page_.trust(word);
    std::optional<Cancellation> first;
    for (const core::Stop& stop : shown.cancelling()) {
      if (!covers(stop, entry, shown) || (first && first->at <= stop.cancel_at.ns)) continue;
      first = {stop.cancel_at.ns,
               denial({.why = why_of(stop.mode), .revision = shown.revision(), .stop = stop.id}, get_name(entry.tool))};
    }
    if (page_.shows(word)) return first;
  }
  return std::nullopt;
}

bool Attachment::stopped_by(std::string_view actor) const {
  const std::uint64_t word = page_.head().word.load();
  auto shown = page_.verify(word);
  const bool stopped = shown && std::ranges::any_of(shown->state().stops, [&](const core::Stop& stop) { return stop.by == actor; });
  return stopped && page_.shows(word);
}

std::stop_token Attachment::stop_token(const Claim& claim) {
  std::stop_token token = cancels_.token(claim);
  if (nudge) nudge();  // it may be due already
  return token;
}

std::optional<BootTime> Attachment::ask_to_stop(BootTime now) {
  auto deadline = [this](const Claim& claim) -> std::optional<BootTime> {
    auto cancelled = cancellation(claim);
    return cancelled ? std::optional(BootTime{cancelled->at}) : std::nullopt;
  };
  return cancels_.ask(slots_->file(), deadline, now);
}

Denial Attachment::denial(const Answer& answer, std::string_view tool) const {
  Denial out{answer.why, reason(answer.why, tool), answer.stop, answer.revision, {}};
  if (answer.why >= Why::permit_expired) out.help = fmt::format("see `notaus status --state {}`", state_.path);
  return out;
}

// Ended before it is counted, so that no kill makes of it a call that may have been sent.
void Attachment::record_denial(const Claim& claim, const Answer& answer) {
  if (!slots_->finish(claim, Outcome::not_sent, SlotState::counting)) return;
  tallies_.count({slots_->entry(claim.slot), answer.why, answer.stop, &claim, answer.word}, moment_now());
  slots_->free(claim);
  if (slots_->half_full() && nudge) nudge();
}

void Attachment::refused(const Call& call, std::string_view why, std::int64_t now_ms) {
  Call told = call;
  told.run = why;  // Why::allowed marks it: nobody decided, the text says what was wrong (record.cc)
  Answer nobody{.why = Why::allowed, .word = page_.head().word.load()};
  auto claim = slots_->claim(told, now_ms);
  if (!claim) return count_denial(told, nobody);
  record_denial(*claim, nobody);
}

void Attachment::count_denial(const Call& call, const Answer& answer) {
  Entry entry{};
  set_name(entry.tenant, call.tenant);
  set_name(entry.agent, call.agent);
  set_name(entry.tool, call.tool);
  tallies_.count({entry, answer.why, answer.stop, nullptr, answer.word}, moment_now());
}

}  // namespace notaus::page
