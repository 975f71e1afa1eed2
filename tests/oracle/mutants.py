"""Small wrong edits of the code that decides; the enumeration must see each: mutants.py BUILD_DIRECTORY

A mutant that does not apply is a failure too: then the code has changed and the list must follow.
"""

import subprocess
import sys
from pathlib import Path

import enumeration as cells

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import mutation  # noqa: E402

# (file, what an operator would lose, right, wrong)
MUTANTS = [
    ("decide.cc", "a tool's stop answers before stop_all",
     "if (auto stop = state.stops_all(call); stop != none)                        return {Why::stop_all, stop};\n"
     "  if (auto stop = state.disables(call); stop != none)                         return {Why::tool_disabled, stop};",
     "if (auto stop = state.disables(call); stop != none)                         return {Why::tool_disabled, stop};\n"
     "  if (auto stop = state.stops_all(call); stop != none)                        return {Why::stop_all, stop};"),
    ("decide.cc", "stop_all stops nothing", "stop != none)                        return {Why::stop_all, stop};",
     "stop == none + 1)                        return {Why::stop_all, stop};"),
    ("decide.cc", "a disabled tool runs", "state.disables(call); stop != none", "none; stop != none"),
    ("decide.cc", "writes run under disable_writes", "write ? state.read_only(call) : none", "none"),
    ("decide.cc", "reads stop under disable_writes", "write ? state.read_only(call) : none", "state.read_only(call)"),
    ("decide.cc", "a fence answers before a stop",
     "const bool write = state.writes(call);",
     "if (auto why = state.fence(); why != Why::allowed) return {why};\n  const bool write = state.writes(call);"),
    ("decide.cc", "a fence denies nothing", "why != Why::allowed)", "why == Why::guard_fault)"),
    ("decide.cc", "an expired permit denies everything", "state.expired(now) && state.fences(call)", "state.expired(now)"),
    ("decide.cc", "an expired permit denies nothing", "state.expired(now) && state.fences(call)", "state.expired(now) && false"),
    ("decide.cc", "the wrong reason is given", "return {Why::permit_expired}", "return {Why::page_torn}"),
    ("decide.cc", "the stop is not named", "return {Why::writes_disabled, stop}", "return {Why::writes_disabled}"),
    ("snapshot.cc", "the permit lasts an instant too long", "now >= permit_until", "now > permit_until"),
    ("snapshot.cc", "a host without a permit expires", "permit_needed() && now", "now"),
    ("snapshot.cc", "a fence lets writes pass", "OnFence::disable_writes) || writes(call)", "OnFence::disable_writes)"),
    ("snapshot.cc", "on_fence: stop_all lets reads pass",
     "header_of(image_).on_fence != static_cast<std::uint32_t>(OnFence::disable_writes) || writes(call)", "writes(call)"),
    ("snapshot.cc", "unknown tools are reads", "auto effect = Effect::write;  // unknown = write", "auto effect = Effect::read;"),
    ("snapshot.cc", "a declared write does not tighten", "if (call.effect == Effect::write) return true;", ""),
    ("snapshot.cc", "a step of the run loop is a write", "if (call.tool.empty()) return false;\n  const", "const"),
    ("snapshot.cc", "the shortest prefix decides the effect", "return found;\n  });", "return false;\n  });"),
    ("snapshot.cc", "a call without a tenant escapes", "hash(name.empty() ? kAny : hash_of(name))", "hash(name.empty() ? 0 : hash_of(name))"),
    ("snapshot.cc", "the latest stop is named", "first = std::min(first, rule_stop(image_, header, t, a, tool, mode));",
     "if (auto s = rule_stop(image_, header, t, a, tool, mode); s != Verdict::kNone) first = s;"),
    ("snapshot.cc", "only the exact name is looked up", "if (visit(tool)) return;\n  char", "if (visit(tool) || true) return;\n  char"),
    ("snapshot.cc", "only the last dot makes a prefix", "dot = tool.rfind('.', dot - 1))", "dot = std::string_view::npos)"),
    ("snapshot.cc", "\".*\" is a prefix", "&& dot > 0; dot = tool.rfind('.', dot - 1))",
     "; dot = dot ? tool.rfind('.', dot - 1) : std::string_view::npos)"),
    ("snapshot.cc", "a longer prefix hides an earlier stop", "return false;  // a shorter", "return first != Verdict::kNone;  // a shorter"),
    ("snapshot.cc", "selectors of tenant and agent are not looked at", "shape < 4; ++shape", "shape < 3; ++shape"),
    ("snapshot.cc", "names are compared up to their last word", "for (std::size_t at = 0; at < text.size(); at += 8)\n    if",
     "for (std::size_t at = 0; at + 8 < text.size(); at += 8)\n    if"),
    ("snapshot.cc", "an agent's stop covers every agent", "(agent ? agent->is(image, rule.agent) : rule.agent == 0)", "true"),
    ("snapshot.cc", "a missing page allows", "return Why::page_missing;\n  std", "return Why::allowed;\n  std"),
    ("flatten.cc", "the latest of equal selectors is named", "first = std::min(first, stop);  //", "first = stop;  //"),
    ("flatten.cc", "rules for any agent are not written", "for (const Field& a : {agent, any})", "for (const Field& a : {agent})"),
    ("flatten.cc", "a prefix among the stops is forgotten", "(tool.ref != 0));", "0);"),
    ("flatten.cc", "the fence is not published", "header.fence = static_cast<std::uint32_t>(state.fence);", ""),
    ("flatten.cc", "on_fence is not published", "header.on_fence = static_cast<std::uint32_t>(state.on_fence);", ""),
    ("state.cc", "a prefix needs no dot", "tool.ends_with(\".*\")", "tool.ends_with(\"*\")"),
    ("state.cc", "\".*\" is a prefix in the list of what runs", "tool.size() > 2 &&", "tool.size() > 1 &&"),
    ("state.cc", "a call without an agent is not listed", "wanted.empty() || given.empty() ||", "wanted.empty() ||"),
    ("state.cc", "a call without a tool is listed under a tool's stop", "(!call.tool.empty() && tool_matches", "(call.tool.empty() || tool_matches"),
    ("state.cc", "a selector's tenant is not looked at", "field(selector.tenant, call.tenant) &&", ""),
    ("reason.cc", "the tool is not named", '"killed: writes_disabled:" + std::string(tool)', '"killed: writes_disabled:"'),
]


def killed(program):
    """By which board; None if all of them agree with the oracle."""
    boards = [("selectors", lambda: cells.selectors(program))]
    boards += [(board.__name__, lambda board=board: cells.compare(program, board)) for board in cells.BOARDS]
    for name, compared in boards:
        try:
            if compared()[1]:
                return name
        except subprocess.CalledProcessError:
            return name
    return None


def mutants():
    return [mutation.Mutant("src/core/" + name, loss, [(right, wrong)], killed) for name, loss, right, wrong in MUTANTS]


def misplaced_entries():
    return [gone for mutant in mutants() if (gone := mutation.misplaced(mutant))]


def main(build):
    return mutation.report(len(MUTANTS), mutation.judge_all(mutation.Builder(build), "decide_enum", mutants()))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
