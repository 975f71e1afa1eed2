"""Small wrong edits of what decides, hands over and tells over HTTP; the named test must see each: mutants.py BUILD_DIRECTORY [PART OF A LOSS]

The code as it is must pass each of these tests. A mutant that does not apply is a failure too: then the code has changed and the list must follow.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
TESTS = HERE.parent
sys.path.insert(0, str(TESTS))
import mutation  # noqa: E402
from mutation import Mutant, QuickBuilder, judge_all, misplaced, report, tests_pass  # noqa: E402

PATIENCE_S = 10   # with what must come in a scenario or story; what hangs for want of an edit is noticed by it

# Who notices: tests of a program of units, by their filter; a scenario; a story of a program beside this one.
# (file of src/, what an operator would lose, [(right, wrong)…], who notices)
MUTANTS = [
    # --- who asks ---
    ("gate/policy.cc", "two credentials are one caller's", [("return *caller_ == *caller;", "return true;")], "gate_test Policy.*"),
    ("gate/policy.cc", "who has no credential is somebody", [("if (!policy.anonymous) return", "if (false) return")], "gate_test Policy.*"),
    ("gate/policy.cc", "anonymous callers come from anywhere", [("if (!peer.local)", "if (false)")], "gate_test Policy.*"),
    ("gate/policy.cc", "a page from elsewhere calls", [("if (origin != nullptr && (", "if (origin != nullptr && false && (")], "gate_test Policy.*"),
    ("gate/policy.cc", "any name leads here", [("if (host != nullptr && !leads_here(policy, host->value))", "if (false)")], "gate_test Policy.*"),
    ("gate/policy.cc", "a proxy's certificate is its agents'", [("if (came == Came::here)\n    for", "if (true)\n    for")], "gate_test Policy.*"),
    ("gate/policy.cc", "of two tokens of an agent one goes on to the tool", [("told[at] = kHeaders[at];", "told[0] = kHeaders[at];")], "gate_test Policy.*"),
    ("net/tls.cc", "a certificate's name of one kind passes for another", [("return std::string(kind->prefix) + value;", "return \"URI:\" + value;")], "tls_test.py certified"),
    ("net/tls.cc", "a certificate's name is what stands before its zero byte", [("if (value.empty() || std::ranges::any_of(value, [](char c) { return c <= ' ' || c > '~'; })) return std::nullopt;", "value = value.c_str();")], "tls_test.py certified"),
    ("gate/identity.cc", "the digest in the configuration is a token", [("callers_.find(sha256_hex(token));", "callers_.find(std::string(token));")], "gate_test Identity.*"),
    ("net/connection.cc", "a caller from elsewhere is a local one", [("return ntohl(v4.sin_addr.s_addr) >> 24 == 127;", "return true;")], "callers_test.py elsewhere"),
    ("app/gate_policy.cc", "a token is an agent's of any tenant", [("{agent.tenant, agent.agent}", '{"", agent.agent}')], "http_identity.nt"),
    ("gate/front.cc", "of a request that a proxy asks about nobody is known", [("{.tenant = asked->caller.tenant, .agent", "{.tenant = \"default\", .agent")], "forward_auth.nt"),
    ("gate/front.cc", "what a proxy let go is on no stop's list", [("asked_.admit(", "guard_.admit(")], "forward_auth.nt"),
    ("gate/gateway.cc", "nobody knows which point hears of no end", [(", .admission_only = true", "")], "forward_auth.nt"),
    ("gate/hub.cc", "a session is anybody's", [("if (found->second->caller() != caller) return nullptr;", "")], "mcp_http_sessions.nt"),
    ("gate/mcp_exchange.cc", "a session is whose first names it", [("(void)ways_.hub.dialogue(server_, asked_.caller, session->value);", ";")], "callers_test.py first"),
    ("gate/supervisor.cc", "a child's session is anybody's", [("if (found->caller == errand.caller) return &*found;", "return &*found;")], "gate_test SupervisorTest.ASession*"),
    ("gate/supervisor.cc", "two callers share a child", [("child.caller == errand.caller &&\n", "\n")], "mcp_http_command.nt"),
    ("gate/session.cc", "a call goes by the gate's tenant", [("call.tenant = caller_.tenant;", "")], "gate_test SessionTest.TheCalls*"),

    # --- for what ---
    ("gate/route.cc", "a path in another case is another tool's", [("if (other != nullptr && other != exact)", "if (false)")], "gate_test Route.*"),
    ("gate/route.cc", "a dot segment is a name", [('if (segment == "." || segment == "..")', "if (false)")], "gate_test Route.*"),
    ("gate/route.cc", "an escaped slash is a letter", [("if (byte == '/' || byte == '\\\\' || byte == '%')", "if (false)")], "gate_test Route.*"),
    ("gate/route.cc", "each method reads", [('return method == "GET" || method == "HEAD" ? Effect::read : Effect::write;', "return Effect::read;")], "gate_test Route.*"),
    ("gate/exchange.cc", "a route's write is a read", [("route_.tool.empty() ? Effect::read : effect_of(route_, client_.request().method)", "Effect::read")], "http_tools.nt"),
    ("gate/exchange.cc", "a tool is a step of the run loop", [(".tool = route_.tool,", ".tool = \"\",")], "http_tools.nt"),
    ("gate/authz.cc", "an agent says for itself what it asks", [("if (has_nginx && has_forwarded)", "if (false)")], "gate_test Authz.*"),
    ("gate/authz.cc", "of two headers of a proxy's the first counts", [("request.count(name) == 1 ?", "request.count(name) >= 1 ?")], "gate_test Authz.*"),
    ("gate/authz.cc", "of two tools the last counts", [("    if (found) return std::nullopt;\n", "")], "gate_test Authz.*"),
    ("gate/mcp.cc", "a method that nobody knows is a read", [("message.asks = Asks::write;", "message.asks = Asks::read;")], "gate_test Mcp.*"),
    ("gate/mcp.cc", "a call without an id passes", [('if (message.shape == Shape::notification) return "tools/call without an id";', "")], "gate_test Mcp.*"),
    ("gate/mcp.cc", "of two keys in different cases each server takes its own", [("seen.push_back(key);", "seen.push_back(member.key);")], "gate_test Mcp.*"),
    ("gate/mcp.cc", "an answer hides a call", [("if (answers && !method.empty())", "if (false)")], "gate_test Mcp.*"),
    ("gate/mcp_head.cc", "a head names another tool than its body", [("name_in(name->value) != message.subject", "false")], "gate_test McpHead.*"),
    ("gate/mcp_head.cc", "what no one can read passes", [('if (coding != nullptr && !same_name(coding->value, "identity"))', "if (false)")], "gate_test McpHead.*"),
    ("gate/mcp_head.cc", "a head that is said twice passes", [("if (request.count(field.name) > 1)", "if (false)")], "gate_test McpHead.*"),
    ("gate/onward.cc", "a header makes another request of it", [("if (reads_as(field.name, name)) return {400,", "if (false) return {400,")], "gate_test Onward.*"),
    ("net/message.cc", "two lengths pass", [("(++lengths_ > 1 || std_view(value).find(',') != std::string_view::npos)", "false")], "net_test Message.*"),
    ("net/message.cc", "an unknown coding passes", [('if (!same_name(std_view(value), "chunked"))', "if (false)")], "net_test Message.*"),
    ("net/message.cc", "a trailer passes", [("if (kRequest) refuse(\"a trailer behind the body\", error);", "")], "net_test Message.*"),
    ("net/connection.h", "a body that was not read is the next request", [("return keep_ && request().keep_alive && body_done();", "return keep_ && request().keep_alive;")], "net_test Server.*"),

    # --- the last look, and what passes under a stop ---
    ("gate/exchange.cc", "a call that waited for a connection is not looked at again", [("[&] { return !(denial = permit_.recheck()); }", "[] { return true; }")], "upstreams_test.py waits_for_a_connection"),
    ("gate/mcp_exchange.cc", "one over MCP is not", [("[&] { return !(denied = Session::last_look(under_way_)); }", "[] { return true; }")], "upstreams_test.py waits_for_a_connection_mcp"),
    ("gate/piped.cc", "one that waited for a pipe is not", [("if (auto denied = Session::last_look(next.under_way)) {", "if (auto denied = std::optional<Ruling>()) {")], "gate_test PipedTest.*"),
    ("gate/handover.h", "the last look comes before the wait", [("      if (!may()) {", "      if (static bool looked = false; !std::exchange(looked, true) && !may()) {")], "gate_test HandOver.*"),
    ("gate/session.cc", "only calls of tools are decided", [("if (message.asks != Asks::nothing) {", "if (message.asks == Asks::tool) {")], "gate_test SessionTest.WhatPasses*"),
    ("gate/session.cc", "an answer of the client passes under stop_all", [("  if (guarded) {", "  if (false) {")], "gate_test SessionTest.Requests*"),
    ("gate/session.cc", "a question of the server passes under stop_all", [('.guarded = line.method != "ping"', ".guarded = false")], "gate_test SessionTest.Requests*"),
    ("gate/mcp_exchange.cc", "what the server may not say is said", [('return ruling.pass || begun ? bytes : "";', "return bytes;")], "callers_test.py withheld"),
    ("gate/piped.cc", "what a child may not say is said", [("  if (!ruling.pass) return;\n", "")], "gate_test AskingTest.*"),
    ("gate/relay.cc", "a long question of the server is not held", [("bytes.size() > hold && (scan_.answers() || scan_.noise());", "bytes.size() > hold;")], "gate_test Relay.*"),
    ("gate/front.cc", "a proxy is told that everything may pass", [("client.answer(denied(admission.denial(), Sent::no));", "client.answer({.status = 200});")], "forward_auth.nt"),

    # --- what is told, and counted ---
    ("gate/exchange.cc", "what was sent is said not to be", [("await client_.answer(bad_gateway(why, Sent::yes));", "await client_.answer(bad_gateway(why, Sent::no));")], "http_truth.nt"),
    ("gate/exchange.cc", "what was sent is written down as not sent", [("  permit_.done(Outcome::unknown);\n  link_.reset();", "  permit_.done(Outcome::not_sent);\n  link_.reset();")], "http_truth.nt"),
    ("gate/exchange.cc", "what was not sent is written down as done", [("permit_.done(Outcome::not_sent);", "permit_.done(Outcome::done);")], "upstreams_test.py nobody"),
    ("gate/exchange.cc", "a call has ended when its answer begins", [("  answering_ = true;\n", "  answering_ = true;\n  permit_.done(Outcome::done);\n")], "http_bodies.nt"),
    ("gate/exchange.cc", "a call that was cut off is sent again", [("if (!head) co_return co_await broke(head.error().why);", "if (!head) {\n    head_.clear();\n    if (co_await dispatch()) co_await relay();\n    co_return;\n  }")], "http_truth.nt"),
    ("gate/exchange.cc", "repeats over HTTP are not seen", [("          .args = args};", "          .args = {}};")], "repeats.nt"),
    ("gate/handover.h", "a new connection that breaks is tried without end", [("if (!count && (*link)->used) break;", "if (!count) break;")], "gate_test HandOver.*"),
    ("net/pool.cc", "what a server says too much is the next call's answer", [(" || link->reader.more_here()", "")], "upstreams_test.py says_too_much"),
    ("gate/piped.cc", "a child that dies has run nothing", [("open.tell({.what = Told::What::unknown, .text = \"it has ended\"});", "open.tell({.what = Told::What::not_sent, .text = \"it has ended\"});")], "mcp_http_command_in_flight.nt"),
    ("gate/piped.cc", "one caller's answer is another's", [("if (!id.empty() && one.second.id_key == id) return one.first;", "if (!id.empty()) return one.first;")], "gate_test AnsweringTest.*"),
    ("gate/inflight.cc", "a late answer contradicts what was told", [("if (late_.erase(*key) != 0) return false;", "late_.erase(*key);")], "gate_test CancelTest.*"),
    ("gate/inflight.cc", "a lost call is done", [("rest == Rest::answered ? Outcome::done : Outcome::unknown", "Outcome::done")], "upstreams_test.py no_answer_mcp"),
    ("gate/inflight.cc", "a task has ended when it begins", [('line.result_type == "task" || request.message.wants_task', "false")], "gate_test SessionTest.ATask*"),
    ("gate/problem.cc", "a denial is tried again by itself", [("return problem(403, add_details", "return problem(429, add_details")], "http_tools.nt"),
    ("gate/denial.cc", "a denial is a tool's answer", [('.raw("isError", "true")', '.raw("isError", "false")')], "gate_test Denial.*"),
    ("gate/front.cc", "what was turned away leaves no record", [("const net::Refusal& why) {\n  guard_.refused({}, why.why);\n", "const net::Refusal& why) {\n")], "http_identity.nt"),

    # --- seats ---
    ("gate/exchange.cc", "one agent takes the places of all", [("if (!seat_) co_return co_await refuse(kNoSeat);", "")], "crowd_test.py slow_readers"),
    ("gate/mcp_request.cc", "one agent takes the places of all over MCP", [("if (!seat_) co_await refuse(kNoSeat.status, kNoSeat.why);\n  co_return static_cast<bool>(seat_);", "co_return true;")], "callers_test.py seats"),
    ("gate/piped_exchange.cc", "one takes them with commands", [("if (!co_await request_.seated(*message, ways_.seats)) co_return false;", "")], "callers_test.py seats_command"),
    ("gate/front.cc", "over MCP each core has the places of all", [("mcp_seats_(mcp_calls)", "mcp_seats_(limits.calls)")], "callers_test.py seats"),
    ("gate/mcp_request.cc", "streams of news take the places of calls", [(" || message.asks == Asks::news) co_return true;", ") co_return true;")], "callers_test.py seatless"),
    ("gate/mcp_request.cc", "an answer that a server waits for needs a place", [("if (message.shape != Shape::request || ", "if (")], "callers_test.py seatless"),
    ("gate/seats.h", "a place is never free again", [("if (taken_ != nullptr && --whose_->second == 0) taken_->erase(whose_);", "")], "gate_test Seats.*"),
    ("gate/seats.h", "all agents of a tenant have one's places", [("{caller.tenant, caller.agent}", "{caller.tenant, \"\"}")], "gate_test Seats.*"),

    # --- secrets, and who outlives whom ---
    ("gate/onward.cc", "an agent's token goes to the tool", [(" || is_one_of(field.name, credentials)) return false;", ") return false;")], "gate_test Onward.*"),
    ("gate/onward.cc", "an agent's credential goes on beside the tool's own", [("return std::ranges::none_of(upstream.headers, [&](const auto& ours) { return reads_as(field.name, ours.first); });", "return true;")], "gate_test Onward.*"),
    ("gate/onward.cc", "an agent speaks for the gate", [("if (speaks_for_us(field.name) || ", "if (")], "gate_test Onward.*"),
    ("gate/front.cc", "a token that nobody knows is written down", [("const net::Refusal& why) {\n  guard_.refused({}, why.why);\n",
      "const net::Refusal& why) {\n  const net::Field* who = client.request().find(\"Authorization\");\n  guard_.refused({}, who != nullptr ? who->value : why.why);\n")], "http_identity.nt"),
    ("app/gate_policy.cc", "a secret with a line end makes another header", [("if (std::ranges::any_of(*value, control))", "if (false)")], "config_secrets.nt"),
    ("app/gate_policy.cc", "a secret that cannot be used is shown", [('"has a control character once its ${…} are filled in"', '*value + " has a control character"')], "config_secrets.nt"),
    ("app/gate_policy.cc", "a url is shown with what was filled in", [('return std::unexpected(origin.error().in("url"));', 'return std::unexpected(origin.error().in(url ? *url : "url"));')], "config_secrets.nt"),
    ("app/up_command.cc", "a file that cannot be read opens nothing, and closes all", [("if (place && !place->config_trouble.empty()) place = trouble(Kind::broken, place->config_trouble);", "")], "up_reload.nt"),
    ("app/up_command.cc", "a server outlives the gate", [(".heir = &*heir}", ".heir = nullptr}")], "mcp_http_command_orphaned.nt"),
]

UNITS = {  # of a header: who uses what is changed
    "gate/handover.h": ("src/gate/handover_test.cc",),
    "gate/seats.h": ("src/gate/seats_test.cc",),
    "net/connection.h": ("src/net/connection.cc", "src/net/server.cc"),
}


def notices(test, program):
    """Does this test fail with this program? A scenario or story finds it in a directory that stands for the build's."""
    name, _, more = test.partition(" ")
    if name.endswith("_test"):
        return not tests_pass(program, only=more)
    if name.endswith(".nt"):
        command = [TESTS / "play" / "play.py", "--discard", "--build", program.parent, TESTS / "scenarios" / name]
    else:
        command = [HERE / name, "--build", program.parent, *more.split()]
    environment = {**os.environ, "PLAY_PATIENCE_S": str(PATIENCE_S)}
    return subprocess.run([sys.executable, *map(str, command)], capture_output=True, env=environment, timeout=300).returncode != 0


def program_of(test):
    name = test.split()[0]
    return name if name.endswith("_test") else "notaus"


def mutants():
    for file, loss, edits, test in MUTANTS:
        yield test, Mutant("src/" + file, loss, edits, lambda program, test=test: notices(test, program), UNITS.get(file, ()))


def misplaced_entries():
    return [gone for _, mutant in mutants() if (gone := misplaced(mutant))]


class Builder(QuickBuilder):
    def link_with(self, where, target):
        program = super().link_with(where, target)
        (where / "notaus-gate").symlink_to(self.build / "notaus-gate")
        return program


def main(build, part=""):
    wanted = [(test, mutant) for test, mutant in mutants() if part in mutant.loss]
    tests = sorted({test for test, _ in wanted})
    wrong = [test for test in tests if notices(test, Path(build).resolve() / program_of(test))]
    if wrong:
        sys.exit(f"the code as it is fails: {', '.join(wrong)}")
    failures = []
    with tempfile.TemporaryDirectory() as where:
        quick = Builder(build, Path(where), {file for _, mutant in wanted for file in mutant.units or (mutant.file,)}, "-O0")
        for program in sorted(set(map(program_of, tests))):
            failures += judge_all(quick, program, [mutant for test, mutant in wanted if program_of(test) == program])
    return report(len(wanted), failures)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
