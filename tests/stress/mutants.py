"""Small wrong edits of the page's code; its tests and the stress of admission must see each: mutants.py BUILD_DIRECTORY [PART OF A LOSS]

Every judge is first shown the code as it is and must find nothing. A mutant that does not apply is a failure too: then the code has
changed and the list must follow.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from mutation import Builder, Mutant, judge_all, report  # noqa: E402

# Between the check of a half and the decision by it: longer than a publisher needs for two flips, so that reading and writing meet.
STRETCH = ("core::Snapshot state = page_.trust(word);",
           "core::Snapshot state = page_.trust(word);\n      for (volatile int i = 0; i < 2000; ++i) {}")
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
     [STRETCH, ("if (head.word.load() == word) return answer;", "return answer;")]),
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
]

# (file, what an operator would lose, [(right, wrong)…]); seen by page_test.
UNITS = [
    ("attachment.cc", "a Handle ignores the page", [("if ((allowed & ~kAsWrite) == word && word != 0", "if (allowed != 0")]),
    ("attachment.cc", "the latch is ignored", [("if (latch != 0) return", "if (false) return")]),
    ("attachment.cc", "a Handle ignores the latch", [("&& word != 0 && page_.head().latch.load() == 0)", "&& word != 0)")]),
    ("attachment.cc", "a re-check ignores the latch", [("== word && page_.head().latch.load() == 0 &&", "== word &&")]),
    ("attachment.cc", "a latch of unknown meaning is ignored",
     [("if ((latch & ~(kLatched | kRetired)) != 0) return", "if (false) return"), ("if (latch != 0) return", "if (latch & kLatched) return")]),
    ("attachment.cc", "a retired page is believed",
     [("if (latch & kRetired) return", "if (false) return"), ("if (latch != 0) return", "if (latch & kLatched) return")]),
    ("attachment.cc", "another ledger's page is believed", [("&& none != epoch) return Why::epoch_changed", "&& false) return Why::epoch_changed")]),
    ("attachment.cc", "an older page is believed", [("if (last > snapshot->revision()) return", "if (false) return")]),
    ("attachment.cc", "a re-check finds everything fine", [("std::uint64_t word) {\n  if (!*alive_) return denial(", "std::uint64_t word) {\n  return std::nullopt;\n  if (!*alive_) return denial(")]),
    ("attachment.cc", "a re-check that denies leaves the call in flight",
     [("if (slots_->finish(claim, Outcome::not_sent)) slots_->free(claim);\n  return denial(answer, call.tool);", "return denial(answer, call.tool);")]),
    ("attachment.cc", "a re-check believes a name that was cut", [("if (answer.why == Why::allowed && !is_cut(entry.tool))", "if (answer.why == Why::allowed)")]),
    ("attachment.cc", "a read that ended under a stop has no record", [("if (entry.write != 0 || now != word) {", "if (entry.write != 0) {")]),
    ("attachment.cc", "a write has no record", [("if (entry.write != 0 || now != word) {", "if (now != word) {")]),
    ("attachment.cc", "a forked child ends its parent's calls", [("if (!*alive_ || !slots_->finish", "if (!slots_->finish")]),
    ("attachment.cc", "a forked child re-checks its parent's calls", [("if (!*alive_) return denial({.why = Why::guard_fault}, \"\");", "")]),
    ("attachment.cc", "a full table admits", [("return Admission(std::make_unique<Denial>(denial(full, call.tool)));", "claim = Claim{0, 0};")]),
    ("attachment.cc", "denials at a full table are not counted", [("count_denial(call, full);\n", "\n")]),
    ("attachment.cc", "a full ring loses calls uncounted", [("slots_->file().head.lost_calls.fetch_add(1);", "{}")]),
    ("attachment.cc", "a denial keeps its slot", [("(void)slots_->finish(claim, Outcome::not_sent);\n  slots_->free(claim);\n  return std::make_unique", "return std::make_unique")]),
    ("slots.cc", "the ring drops facts and says it took them", [(">= kCells) return false;", ">= kCells) return true;")]),
    ("slots.cc", "the ring runs over what nobody has read", [(">= kCells) return false;", ">= 2 * kCells) return false;")]),
    ("slots.cc", "a forked child shares the owner's lock", [("MAP_POPULATE, mapped->get(), 0)", "MAP_POPULATE, fd->get(), 0)")]),
    ("slots.cc", "a forked child keeps the owner's lock", [("void Slots::close_in_child() { fd_ = Fd(); }", "void Slots::close_in_child() {}")]),
    ("slots.h", "a Handle's call goes by another's names", [("|| __atomic_load_n(&mine.tag, __ATOMIC_RELAXED) != lane.tag)", ")")]),
    ("slots.cc", "a Handle's call goes by the names of a call without one", [("__atomic_store_n(&entry.tag, 0, __ATOMIC_RELAXED);\n    entry.digest", "entry.digest")]),
    ("slots.h", "a permit ends a call that is not its own", [("if (word.load(std::memory_order_relaxed) != claim.word) return false;", "")]),
    ("slots.cc", "no slot is ever scanned", [("while (high <= slot &&", "while (false &&")]),
    ("slots.cc", "the generation stands still", [("std::uint64_t generation = generation_of(word) + 1;", "std::uint64_t generation = generation_of(word);")]),
    ("tallies.cc", "counts are lost", [("if (tally->count++ == 0) tally->first", "if (tally->count == 0) tally->first")]),
    ("tallies.cc", "counts that the spool refused are forgotten", [("&& take(tally)) tally.count = 0;", "&& (take(tally), true)) tally.count = 0;")]),
    ("tallies.cc", "denials of too many kinds are not counted", [("slots_.file().head.lost_denials.fetch_add(1);  //", "//")]),
    ("tallies.cc", "one tenant's denials are counted as another's", [("get_name(tally.entry.tenant) == get_name(denial.entry.tenant) &&", "")]),
    ("tallies.cc", "denials for different reasons are one count", [("tally.why == static_cast<std::uint8_t>(denial.why) &&", "")]),
    ("tallies.cc", "a busy count is given to another kind", [("(t.count == 0 && t.window < now_ms / 1000)", "t.window < now_ms / 1000")]),
    ("report.cc", "facts that the spool refused are not counted", [("(cell.fact == Fact::blocked ? file.head.lost_denials : file.head.lost_calls).fetch_add(1);", "{}")]),
    ("report.cc", "losses are reported again and again", [("lost.fetch_sub(count);", "{}")]),
    ("report.cc", "losses are not reported", [("report_losses(from.slots(), into);\n}", "}")]),
    ("publisher.cc", "the publisher writes over the half that stands", [("write_image(page_.half(next), next, *image);", "write_image(page_.half(now), next, *image);")]),
    ("publisher.cc", "a replaced page is not retired", [("  retire(state);\n", "")]),
    ("publisher.cc", "whoever lifts the latch revives a retired page", [("fetch_and(~kLatched)", "store(0)")]),
    ("publisher.cc", "a stop does not hear that its latch was lifted", [("page_.head().lifts.fetch_add(1);", "")]),
    ("publisher.cc", "a latch is lifted over a stop that was kept meanwhile", [("if (page_.head().kept.load() != kept) return false;", "")]),
    ("publisher.cc", "a page goes back to an older revision", [("must(next.revision >= now->revision, next.revision, now->revision);", "{}")]),
    ("publisher.cc", "a stop that does not fit is refused", [("if (flip(*state)) return state;", "if (auto f = flip(*state); !f) return std::unexpected(f.error()); else return state;")]),
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
    ("durable.cc", "an older state goes over a newer one", [("> stops.revision) return {};", "> stops.revision && false) return {};")]),
    ("durable.cc", "two write at once", [("flock(fd->get(), LOCK_EX | LOCK_NB) != 0", "false")]),
    ("scan.cc", "a call that ended between flip and scan is not listed", [("if (flipped == 0) return {};", "return {};")]),
    ("scan.cc", "calls that ended before the flip are listed", [("if (told->fact == Fact::ended && told->page_word >= flipped && told->call.entry.word < flipped)", "if (told->fact == Fact::ended)")]),
    ("scan.cc", "a list with a call missing passes for complete", [("*missed >= flipped || ", "")]),
    ("publisher.cc", "the last page comes to life again when a word is set back", [("->sequence.store(0, std::memory_order_release);", ";")]),
    ("scan.cc", "a call that is listed as done is listed twice", [("if (!listed) point.calls.push_back", "point.calls.push_back")]),
    ("scan.cc", "a call that is not decided yet escapes", [("|| state.writes(asked))", "|| asked.effect == Effect::write)")]),
    ("scan.cc", "a call whose names were cut escapes", [("return is_cut(name) ? std::string_view() : get_name(name); };\n  Call asked", "return get_name(name); };\n  Call asked")]),
    ("scan.cc", "a call whose tool was cut escapes", [("if (is_cut(call.entry.tool)) selector.tool.clear();", "")]),
    ("scan.cc", "the dead are taken for living", [("point.alive = owned(fd->get());", "point.alive = true;")]),
    ("scan.cc", "a file that cannot be read is passed over", [("if (!read) point.trouble = read.error().what;", "if (!read) continue;")]),
    ("scan.cc", "a pipe hangs the stop", [("O_RDONLY | O_NOFOLLOW | O_NONBLOCK);\n  if (!fd) return fd;", "O_RDONLY | O_NOFOLLOW);\n  if (!fd) return fd;")]),
    ("scan.cc", "what has ended goes on as running", [("if (state_of(*word) == SlotState::active) return Outcome::running;", "return Outcome::running;")]),
    ("spool.cc", "a damaged record is drained", [("if (sum_of(words, head.ring) != head.sum) break;", "")]),
    ("spool.cc", "a spool grows without end", [("if (standing >= kSegments)", "if (false)")]),
]


def mutant_of(file, loss, edits, judge):
    unit = "src/page/attachment.cc" if file.endswith(".h") else ""  # where calls are claimed and ended
    return Mutant("src/page/" + file, loss, edits, judge, unit)


def stress(arguments):
    return lambda program: subprocess.run([program, *arguments.split()], capture_output=True, timeout=300).returncode != 0


def units(program):
    """In a process group of its own: a test that fails may leave a forked child behind."""
    tests = subprocess.Popen([program, "--gtest_brief=1", "--gtest_fail_fast"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        return tests.wait(timeout=60) != 0
    except subprocess.TimeoutExpired:
        return True  # it hangs where the product does not
    finally:
        try:
            os.killpg(tests.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        tests.wait()


def main(build, part=""):
    builder = Builder(build)
    races = [mutant_of(file, f"{loss} ({how.split()[0]})", edits, stress(how)) for how, file, loss, edits in STRESS if part in loss]
    others = [mutant_of(file, loss, edits, units) for file, loss, edits in UNITS if part in loss]
    if os.geteuid() != 0:  # only root can make a file of another user's
        others = [mutant for mutant in others if mutant.loss != "another user's page is believed"]
    controls = [mutant_of(file, f"nothing is wrong ({how})", edits, lambda program, how=how: not stress(how)(program)) for how, file, edits in CONTROLS]
    unchanged = Mutant("src/page/slots.cc", "nothing is wrong (page_test)", [], lambda program: not units(program))
    # The races want both cores to themselves.
    wrong = judge_all(builder, "admission_stress", controls, 1) + judge_all(builder, "page_test", [unchanged])
    wrong = [line.replace("SURVIVED", "BUT IT FAILED") for line in wrong]
    failures = judge_all(builder, "admission_stress", races, 1) + judge_all(builder, "page_test", others)
    return report(len(races) + len(others), failures) | report_controls(wrong)


def report_controls(wrong):
    print("\n".join(["controls:", *wrong] if wrong else ["controls: all of them pass"]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
