"""Small wrong edits of the page's code; its tests and the stress of admission must see each: mutants.py BUILD_DIRECTORY [PART OF A LOSS]

Every judge is first shown the code as it is and must find nothing. A mutant that does not apply is a failure too: then the code has
changed and the list must follow.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from mutation import Mutant, QuickBuilder, judge_all, misplaced, report, tests_pass  # noqa: E402

# Between the check of a half and the decision by it: longer than a publisher needs for two flips, so that reading and writing meet.
STRETCH = ("core::Snapshot state = page_.trust(word);",
           "core::Snapshot state = page_.trust(word);\n      for (volatile int i = 0; i < 2000; ++i) {}")
# Between the check of a half and a look at its head, every second time: a publisher shows the next page meanwhile and writes over this one.
STRETCHED_HEAD = ("const std::uint64_t epoch = snapshot->epoch_hash() | 1, revision",
                  "static int turn;\n  for (volatile int i = ++turn % 2 * 200000; i > 0; --i) {}\n  const std::uint64_t epoch = snapshot->epoch_hash() | 1, revision")
# A claim that is not seen at once, as a plain store is not: it waits in a store buffer while the page is being read. How long it does so
# by itself depends on the machine (on ours, one stop in a million met it), so here the buffer is spelled out.
WAIT = "for (volatile int i = 0; i < 1000; ++i) {}\n  "
BUFFERED = ("Word& slot = slots_->file().words[claim->slot];\n"
            "  slot.store(slot_word(generation_of(claim->word) - 1, SlotState::free), std::memory_order_relaxed);\n  ")
SEEN = WAIT + "slot.store(claim->word, std::memory_order_relaxed);\n  "
LANE_CLAIM = "auto claim = slots_->claim(lane, now_ms);"
LANE_ALLOWED = "const std::uint64_t allowed = lane.allowed.load("
LANE_WORD = "const std::uint64_t word = page_.head().word.load();  // after the claim: see slots.h\n  "
LANE_ASK = "Answer answer = ask(lane.call(args));\n  "
CALL_ASK = "Answer answer = ask(call);  // after the claim: see slots.h\n  "

# The two sides meet only while both run, which on a busy machine may be seldom: so many admissions, and the first late one ends them.
# (mode and admissions of admission_stress, file, what an operator would lose, [(right, wrong)…])
STRESS = [
    ("edge-again 20000000", "attachment.cc", "a Handle's claim is seen after the page was read",
     [(LANE_ALLOWED, BUFFERED + LANE_ALLOWED), (LANE_WORD, LANE_WORD + SEEN)]),
    ("edge-first 20000000", "attachment.cc", "a Handle's first claim is seen after the page was read",
     [(LANE_ALLOWED, BUFFERED + LANE_ALLOWED), (LANE_ASK, LANE_ASK + SEEN)]),
    ("edge-call 20000000", "attachment.cc", "a plain call's claim is seen after the page was read",
     [(CALL_ASK, BUFFERED + CALL_ASK + SEEN)]),
    ("edge-again 20000000", "attachment.cc", "a Handle reads the page before it claims",
     [(LANE_CLAIM, "const std::uint64_t word = page_.head().word.load();\n  " + WAIT + LANE_CLAIM), (LANE_WORD, "")]),
    ("tearing 3000000", "attachment.cc", "two pages are read as one: the word is not read again",
     [STRETCH, ("if (page_.shows(word)) return answer;", "return answer;")]),
    ("slow 20000", "attachment.cc", "a revision is witnessed that no page has shown",
     [STRETCHED_HEAD, ("if (!page_.shows(word)) return Why::page_torn;", "")]),
    ("tearing 3000000", "publisher.cc", "the publisher writes into the half that is being read",
     [("random_u64() >> 1 | 1) : now + 1;", "random_u64() >> 1 | 1) : now + 2;")]),
    ("order 1000000", "publisher.cc", "the publisher flips before it has written",
     [("write_image(page_.half(next), next, *image);", "page_.head().word.exchange(next);\n  write_image(page_.half(next), next, *image);")]),
]

# What those must pass unchanged, or changed in a way that must not matter.
CONTROLS = [
    ("order 1000000", "publisher.cc", []),
    ("edge-again 1000000", "attachment.cc", [(LANE_CLAIM, WAIT + LANE_CLAIM), (LANE_WORD, LANE_WORD + WAIT)]),
    ("edge-first 1000000", "attachment.cc", [(LANE_ASK, LANE_ASK + WAIT)]),
    ("edge-call 1000000", "attachment.cc", [(CALL_ASK, CALL_ASK + WAIT)]),
    ("tearing 1000000", "attachment.cc", [STRETCH]),
    ("tearing 1000000", "publisher.cc", []),
    ("slow 20000", "attachment.cc", [STRETCHED_HEAD]),
]

# (file, what an operator would lose, [(right, wrong)…]); seen by page_test.
UNITS = [
    ("attachment.cc", "a Handle ignores the page", [("if ((allowed & ~kAsWrite) == word && word != 0", "if (allowed != 0")]),
    ("attachment.cc", "the latch is ignored", [("if (denies(latch)) return", "if (false) return")]),
    ("attachment.cc", "a Handle ignores the latch", [("&& word != 0 && !denies(page_.head().latch.load()))", "&& word != 0)")]),
    ("attachment.cc", "a re-check ignores the latch", [("== word && !denies(page_.head().latch.load()) &&", "== word &&")]),
    ("attachment.cc", "a retired page is believed",
     [("if (latch & kRetired) return", "if (false) return"), ("if (denies(latch)) return", "if (denies(latch & ~kRetired)) return")]),
    ("attachment.cc", "another ledger's page is believed", [("&& none != epoch) return Why::epoch_changed", "&& false) return Why::epoch_changed")]),
    ("attachment.cc", "an older page is believed", [("if (last > revision) return", "if (false) return")]),
    ("attachment.cc", "a re-check finds everything fine", [("std::uint64_t word) {\n  if (!*alive_) return denial(", "std::uint64_t word) {\n  return std::nullopt;\n  if (!*alive_) return denial(")]),
    ("attachment.cc", "a re-check that denies leaves the call in flight",
     [("  record_denial(claim, answer);\n  return out;", "  return out;")]),
    ("attachment.cc", "a re-check believes a name that was cut", [("if (answer.why == Why::allowed && !is_cut(entry.tool))", "if (answer.why == Why::allowed)")]),
    ("attachment.cc", "a read that ended under a stop has no record", [("if (entry.write != 0 || now != word) {", "if (entry.write != 0) {")]),
    ("attachment.cc", "a write has no record", [("if (entry.write != 0 || now != word) {", "if (now != word) {")]),
    ("attachment.cc", "a forked child ends its parent's calls", [("if (!*alive_ || !slots_->finish", "if (!slots_->finish")]),
    ("attachment.cc", "a forked child re-checks its parent's calls", [("if (!*alive_) return denial({.why = Why::guard_fault}, \"\");", "")]),
    ("attachment.cc", "a full table admits", [("return Admission(std::make_unique<Denial>(denial(full, call.tool)));", "claim = Claim{0, 0};")]),
    ("attachment.cc", "denials at a full table are not counted", [("count_denial(call, full);\n", "\n")]),
    ("attachment.cc", "a full ring loses calls uncounted", [("slots_->file().head.lost_calls.fetch_add(1);", "{}")]),
    ("attachment.cc", "a denial keeps its slot", [("moment_now());\n  slots_->free(claim);\n", "moment_now());\n")]),
    ("slots.cc", "the ring drops facts and says it took them", [(">= kCells) return false;", ">= kCells) return true;")]),
    ("slots.cc", "the ring runs over what nobody has read", [(">= kCells) return false;", ">= 2 * kCells) return false;")]),
    ("slots.cc", "a forked child shares the owner's lock", [("MAP_POPULATE, mapped->get(), 0)", "MAP_POPULATE, fd->get(), 0)")]),
    ("slots.cc", "a forked child keeps the owner's lock", [("void Slots::close_in_child() { fd_ = Fd(); }", "void Slots::close_in_child() {}")]),
    ("slots.h", "a Handle's call goes by another's names", [("|| __atomic_load_n(&mine.tag, __ATOMIC_RELAXED) != lane.tag)", ")")]),
    ("slots.cc", "a Handle's call goes by the names of a call without one", [("__atomic_store_n(&entry.tag, 0, __ATOMIC_RELAXED);\n    entry.digest", "entry.digest")]),
    ("slots.h", "a permit ends a call that is not its own", [("if (word.load(std::memory_order_relaxed) != claim.word) return false;", "")]),
    ("slots.cc", "no slot is ever scanned", [("while (high <= slot &&", "while (false &&")]),
    ("slots.cc", "the generation stands still", [("std::uint64_t generation = generation_of(word) + 1;", "std::uint64_t generation = generation_of(word);")]),
    ("tallies.cc", "counts are lost", [("  ++tally->more.counted;\n", "")]),
    ("tallies.cc", "counts that the spool refused are forgotten", [("if (!copy(tally, told) || !take(number, told)) continue;", "if (!copy(tally, told)) continue;\n    (void)take(number, told);")]),
    ("tallies.cc", "denials of too many kinds are not counted", [("slots_.file().head.lost_denials.fetch_add(1);  //", "//")]),
    ("tallies.cc", "one tenant's denials are counted as another's", [("get_name(tally.entry.tenant) == get_name(denial.entry.tenant) &&", "")]),
    ("tallies.cc", "denials for different reasons are one count", [("tally.why == static_cast<std::uint8_t>(denial.why) &&", "")]),
    ("tallies.cc", "a busy count is given to another kind", [("(t.more.untold() == 0 && t.window < second)", "t.window < second")]),
    ("report.cc", "facts that the spool refused are not counted", [("    dropped.exchange(cell.dropped);\n", "    (void)dropped;\n")]),
    ("report.cc", "losses are reported again and again", [(" told.store(all);", " (void)told;")]),
    ("report.cc", "losses are not reported", [("  report.losses();\n", "")]),
    ("publisher.cc", "the publisher writes over the half that stands", [("write_image(page_.half(next), next, *image);", "write_image(page_.half(now), next, *image);")]),
    ("publisher.cc", "a replaced page is not retired", [("denies(retire(state) & ~kRetired)", "false")]),
    ("publisher.cc", "whoever lifts the latch revives a retired page", [(" | (seen & kRetired);", ";")]),
    ("publisher.cc", "a stop does not hear that its latch was lifted", [("(lifts_of(seen) + 1) * kOneLift", "lifts_of(seen) * kOneLift")]),
    ("publisher.cc", "a stop that the latch was lifted under is kept", [("lifts_of(now) == lifts_of(set) && ", "")]),
    ("publisher.cc", "a stop is kept by the latch of a retired page", [("lifts_of(set) && (now & kRetired) == 0)", "lifts_of(set))")]),
    ("publisher.cc", "a latch is lifted over a stop that was kept meanwhile",
     [("if (!page_.head().latch.compare_exchange_strong(seen, lifted)) return false;", "page_.head().latch.store(lifted);")]),
    ("publisher.cc", "a new page lifts the latch of the last", [("  if (latched) publisher.latch();\n", "")]),
    ("layout.h", "a stop that was set long ago denies nothing", [("kOneLift = std::uint64_t{1} << 40;", "kOneLift = std::uint64_t{1} << 39;")]),
    ("publisher.cc", "a page goes back to an older revision", [("must(next.revision >= now->revision, next.revision, now->revision);", "{}")]),
    ("publisher.cc", "a stop that does not fit is refused", [("if (auto flipped = flip(*state)) return flipped;", "if (auto flipped = flip(*state); true) return flipped;")]),
    ("publisher.cc", "a local stop is taken for the ledger's", [("stop.local = true;", "stop.local = false;")]),
    ("publisher.cc", "a stop of the ledger's is dropped", [("return stop.local && stop.id == id;", "return stop.id == id;")]),
    ("publisher.cc", "every local stop is dropped", [("return stop.local && stop.id == id;", "return stop.local;")]),
    ("live_page.cc", "another user's page is believed", [("|| file.st_uid != directory.st_uid", "")]),
    ("live_page.cc", "a page that others may write is believed", [("|| (file.st_mode & 022) != 0", "")]),
    ("live_page.cc", "a page of another length is mapped", [("if (file.st_size != off_t{kPageSize})", "if (false)")]),
    ("live_page.cc", "a page of another version is read", [("head.version != kPageVersion || head.half_size != kHalfSize", "false")]),
    ("live_page.cc", "anything is a page", [("if (head.magic != kPageMagic)", "if (false)")]),
    ("live_page.cc", "a page of another boot is believed", [("!= boot_id())", "!= boot_id() && false)")]),
    ("live_page.cc", "a damaged half is believed", [("return core::Snapshot::open(Bytes(half + kHalfHead, kImageMax));", "return core::Snapshot::trust(Bytes(half + kHalfHead, kImageMax));")]),
    ("live_page.cc", "a half of another flip is believed", [("->sequence.load(std::memory_order_relaxed) != word)", "->sequence.load(std::memory_order_relaxed) != word && false)")]),
    ("live_page.cc", "a page that was deleted is still used", [("return stat(state.page().c_str(), &file) == 0 &&", "return true || stat(state.page().c_str(), &file) == 0 &&")]),
    ("durable.cc", "the older half is read", [("halves[0].sequence > halves[1].sequence", "halves[0].sequence < halves[1].sequence")]),
    ("durable.cc", "a torn half is believed", [("if (auto snapshot = core::Snapshot::open(core::bytes_of(words))) half.state = snapshot->state();",
                                               "half.state = core::Snapshot::trust(core::bytes_of(words)).state();")]),
    ("durable.cc", "a damaged head decides which half is newer", [("|| head.ours.checksum != head_sum(head.ours)", "")]),
    ("durable.cc", "nobody hears that the newer half is damaged", [("!other.state && (other.written || halves[best].sequence > 1)}", "false}")]),
    ("durable.cc", "a half whose head is zeros was never written",
     [("half.written = head.ours.sequence != 0 || any_written(fd, number);", "half.written = head.ours.sequence != 0;"),
      ("(other.written || halves[best].sequence > 1)", "other.written")]),
    ("durable.cc", "a write goes over the newest half", [("(best == 0 ? 1u : 0u)", "(best == 0 ? 0u : 1u)")]),
    ("durable.cc", "an older state goes over a newer one", [("const bool late = kept.revision > stops.revision;", "const bool late = false;")]),
    ("durable.cc", "two write at once", [("flock(fd->get(), LOCK_EX | LOCK_NB) != 0", "false")]),
    ("scan.cc", "a call that ended between flip and scan is not listed", [("if (flipped == 0) return {};", "return {};")]),
    ("scan.cc", "calls that ended before the flip are listed", [("if (told.fact == Fact::ended && told.page_word >= flipped && told.call.entry.word < flipped)", "if (told.fact == Fact::ended)")]),
    ("scan.cc", "a list with a call missing passes for complete", [("now.missed.load() >= flipped || ", "")]),
    ("publisher.cc", "the last page comes to life again when a word is set back", [("->sequence.store(0, std::memory_order_release);", ";")]),
    ("scan.cc", "a call that is listed as done is listed twice", [("if (!listed) point.calls.push_back", "point.calls.push_back")]),
    ("entry.cc", "a call that is not decided yet escapes", [("|| state.writes(call))", "|| call.effect == Effect::write)")]),
    ("entry.cc", "a call whose tenant was cut escapes", [("if (is_cut(entry.tenant) && may_be(wanted.tenant, entry.tenant)) call.tenant = wanted.tenant;", "")]),
    ("entry.cc", "a call whose agent was cut escapes", [("if (is_cut(entry.agent) && may_be(wanted.agent, entry.agent)) call.agent = wanted.agent;", "")]),
    ("entry.cc", "a call whose tool was cut escapes", [("if (is_cut(entry.tool) && may_match(wanted.tool, entry.tool)) selector.tool.clear();", "")]),
    ("entry.cc", "a call of another long name is ended", [("return (name.size == kNoSize || wanted.size() == name.size) && wanted", "return wanted")]),
    ("attachment.cc", "a call out of scope is ended", [("if (!covers(stop, entry, shown) || (first", "if ((first")]),
    ("attachment.cc", "the latest deadline counts", [("first->at <= stop.cancel_at.ns", "first->at >= stop.cancel_at.ns")]),
    ("cancel.cc", "a call is ended before its time", [("if (at && *at <= now)", "if (at)")]),
    ("cancel.cc", "a call is ended for the last one in its slot", [("std::erase_if(asked_for_,", "(void)std::ranges::count_if(asked_for_,")]),
    ("publisher.cc", "each publication gives calls more time", [("if (stop.grace && stop.cancel_at.ns == 0)", "if (stop.grace)")]),
    ("publisher.cc", "calls of everybody are ended for a stop that does not fit", [("small.grace.reset();", "")]),
    ("scan.cc", "the dead are taken for living", [("point.alive = owned(fd->get());", "point.alive = true;")]),
    ("scan.cc", "a file that cannot be read is passed over", [("if (!read) point.trouble = read.error().what;", "if (!read) continue;")]),
    ("scan.cc", "a pipe hangs the stop", [("O_RDONLY | O_NOFOLLOW | O_NONBLOCK);\n  if (!fd) return fd;", "O_RDONLY | O_NOFOLLOW);\n  if (!fd) return fd;")]),
    ("scan.cc", "a denial in the ring is no end", [("out = told.fact == Fact::blocked ? Outcome::not_sent : told.call.outcome;", "if (told.fact == Fact::ended) out = told.call.outcome;")]),
    ("scan.cc", "a denial in the spool is no end", [('if (record.starts_with(R"({"kind":"blocked",)")) return Outcome::not_sent;', "")]),
    ("scan.cc", "a slot that is free says nothing of its last call", [("if (outcome_of(*word) != Outcome::running) return outcome_of(*word);", "if (state_of(*word) != SlotState::free) return outcome_of(*word);")]),
    ("scan.cc", "what has ended goes on as running", [("if (state_of(*word) == SlotState::active) return Outcome::running;", "return Outcome::running;")]),
    ("spool.cc", "a damaged record is drained", [("if (sum_of(words, head.mark) != head.sum) break;", "")]),
    ("spool.cc", "a spool grows without end", [("if (standing >= kSegments)", "if (false)")]),
]


SHARDS = 6  # of page_test


def mutant_of(file, loss, edits, judge):
    units = ("src/page/attachment.cc",) if file.endswith(".h") else ()  # where calls are claimed and ended
    return Mutant("src/page/" + file, loss, edits, judge, units)


def stress(arguments):
    return lambda program: subprocess.run([program, *arguments.split()], capture_output=True, timeout=300).returncode != 0


def units(program):
    return not tests_pass(program, SHARDS)


def races():
    return [mutant_of(file, f"{loss} ({how.split()[0]})", edits, stress(how)) for how, file, loss, edits in STRESS]


def others():
    root = os.geteuid() == 0  # who alone can make a file of another user's
    return [mutant_of(file, loss, edits, units) for file, loss, edits in UNITS if root or loss != "another user's page is believed"]


def controls():
    return [mutant_of(file, f"nothing is wrong ({how})", edits, lambda program, how=how: not stress(how)(program)) for how, file, edits in CONTROLS]


def misplaced_entries():
    return [gone for mutant in (*races(), *others(), *controls()) if (gone := misplaced(mutant))]


def main(build, part=""):
    wanted = [[mutant for mutant in mutants if part in mutant.loss] for mutants in (races(), others())]
    unchanged = Mutant("src/page/slots.cc", "nothing is wrong (page_test)", [], lambda program: not units(program))
    files = {file for mutant in (*races(), *others()) for file in mutant.units or (mutant.file,)}
    with tempfile.TemporaryDirectory() as where:
        as_built, quick = (QuickBuilder(build, Path(where), files, level) for level in ("", "-O0"))
        # The races want both cores to themselves.
        wrong = judge_all(as_built, "admission_stress", controls(), 1) + judge_all(quick, "page_test", [unchanged])
        failures = judge_all(as_built, "admission_stress", wanted[0], 1) + judge_all(quick, "page_test", wanted[1])
    return report(sum(map(len, wanted)), failures) | report_controls([line.replace("SURVIVED", "BUT IT FAILED") for line in wrong])


def report_controls(wrong):
    print("\n".join(["controls:", *wrong] if wrong else ["controls: all of them pass"]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
