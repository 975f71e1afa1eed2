"""decide() a second time, written from DESIGN's prose and from nothing else.

It shares no code, no language and no author's habit with src/core; where the two differ, one of them has misread the design.
"""

from functools import lru_cache
from typing import NamedTuple, Optional

# Why a page is not to be believed; permit_expired is none of them, it follows from the permit's end.
FENCES = ["page_missing", "page_torn", "page_version", "page_owner", "revision_went_back", "epoch_changed",
          "clock_foreign", "slots_full", "audit_unavailable", "guard_fault"]


class Selector(NamedTuple):
    tenant: str = ""   # empty: not given
    agent: str = ""
    tool: str = ""     # exact, or a prefix


class Stop(NamedTuple):
    id: str
    selector: Selector
    mode: str          # disable_writes, stop_all; with a tool: disable_tool


class Call(NamedTuple):
    tenant: str = ""   # empty: unknown
    agent: str = ""
    tool: str = ""     # empty: a step of the run loop
    effect: str = "read"


class State(NamedTuple):
    stops: tuple = ()
    catalogue: tuple = ()           # (tool or prefix, effect)
    fence: str = ""                 # why every call is denied
    on_fence: str = "disable_writes"
    permit_until: Optional[int] = None   # None: this host needs no permit


class Verdict(NamedTuple):
    reason: str        # empty: allowed
    stop: str = ""


def is_prefix(pattern):
    """ "browser.*" is a prefix; ".*" and "*" are names like any other."""
    return len(pattern) > 2 and pattern.endswith(".*")


@lru_cache(None)
def tool_matches(pattern, tool):
    return tool.startswith(pattern[:-1]) if is_prefix(pattern) else tool == pattern


@lru_cache(None)
def matches(selector, call):
    """All given fields match. What a call does not say about itself is never a way out of a stop."""
    if selector.tenant and call.tenant and selector.tenant != call.tenant:
        return False
    if selector.agent and call.agent and selector.agent != call.agent:
        return False
    if selector.tool:
        return call.tool != "" and tool_matches(selector.tool, call.tool)
    return True


@lru_cache(None)
def catalogued(catalogue, tool):
    """The entry that says most about the name: the name itself, else the longest prefix; nothing known is a write."""
    entries = dict(catalogue)
    if tool in entries:
        return entries[tool]
    prefixes = [entry for entry in entries if is_prefix(entry) and tool_matches(entry, tool)]
    return entries[max(prefixes, key=len)] if prefixes else "write"


def writes(state, call):
    if call.effect == "write":          # what code declares can only tighten
        return True
    if not call.tool:                   # a run's start or next step
        return False
    return catalogued(state.catalogue, call.tool) == "write"


def first(state, mode, call):
    """The earliest stop of this mode that covers the call."""
    for stop in state.stops:
        if stop.mode == mode and matches(stop.selector, call):
            return stop.id
    return None


def decide(state, call, now):
    """Stop_all, tool disabled, writes disabled, fenced, allow: in this order."""
    stop = first(state, "stop_all", call)
    if stop:
        return Verdict("killed: stop_all", stop)
    stop = first(state, "disable_tool", call)
    if stop:
        return Verdict(f"killed: tool_disabled:{call.tool}", stop)
    stop = first(state, "disable_writes", call)
    if stop and writes(state, call):
        return Verdict(f"killed: writes_disabled:{call.tool}", stop)
    if state.fence:
        return Verdict(f"killed: fenced:{state.fence}")
    expired = state.permit_until is not None and now >= state.permit_until
    if expired and (state.on_fence == "stop_all" or writes(state, call)):
        return Verdict("killed: fenced:permit_expired")
    return Verdict("")
