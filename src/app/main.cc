// notaus: the one command. Every subcommand, its flags and its help; what they do is behind commands.h.
#include <unistd.h>

#include <cstdio>
#include <functional>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "app/commands.h"
#include "control/report.h"
#include "demo/demo.h"

namespace {

using namespace notaus;
using namespace notaus::app;

constexpr const char* kIntro =
    "The emergency stop for AI agents. Stops what they do through their tools: now, for exactly the scope that is on fire,\n"
    "and says whether it has stopped.\n\n"
    "  notaus mcp -- COMMAND                 wrap an MCP tool server: its calls now pass Notaus\n"
    "  notaus stop --tenant acme             stop acme's writes; reads go on\n"
    "  notaus status                         what is stopped, who is guarded, what is in flight\n"
    "  notaus resume ID --reason \"fixed\"     lift one stop\n"
    "  notaus demo                           see all of it in half a minute\n";

constexpr const char* kExits =
    "Exit codes: 0 done and confirmed; 1 failed; 2 usage; 3 stopped, not confirmed; 4 not yours; 5 stopped on this host, not in "
    "the\n"
    "ledger; 6 check: denied; 8 stopped, but nothing that was ever seen matches.";

struct Line {
  Common common;
  bool json = false;
  StopFlags stop;
  ResumeFlags resume;
  std::string note_id, note_reason;
  bool recover = false;
  StatusFlags status;
  CheckFlags check;
  std::vector<std::string> approvals;
  AuditFlags audit;
  McpFlags mcp;
  demo::Flags demo;
  demo::MailerFlags demo_mailer;
  demo::AgentFlags demo_agent;
  std::vector<std::string> command;  // behind --
  std::function<int()> run;

  [[nodiscard]] Output output() const { return json ? Output::json : Output::text; }
};

// "3s", "500ms", "1m", or "2" for seconds.
std::chrono::milliseconds duration(const std::string& text) {
  std::size_t digits = 0;
  double number = 0;
  try {
    number = std::stod(text, &digits);
  } catch (const std::exception&) {
    throw CLI::ValidationError(text, "is no duration; write 3s, 500ms or 1m");
  }
  std::string unit = text.substr(digits);
  double factor = unit == "ms" ? 1 : unit == "s" || unit.empty() ? 1000 : unit == "m" ? 60'000 : -1;
  if (factor < 0 || number < 0 || number * factor > 86'400'000)
    throw CLI::ValidationError(text, "is no duration; write 3s, 500ms or 1m");
  return std::chrono::milliseconds(static_cast<std::int64_t>(number * factor));
}

CLI::App* command(CLI::App& parent, Line& line, const char* name, const char* what, std::function<int()> run) {
  CLI::App* sub = parent.add_subcommand(name, what);
  sub->add_option("--state", line.common.state, "state directory (default: $NOTAUS_STATE, /var/lib/notaus, ~/.local/state/notaus)");
  sub->callback([&line, run = std::move(run)] { line.run = run; });
  return sub;
}

void with_config(CLI::App* sub, Line& line) {
  sub->add_option("--config", line.common.config,
                  "configuration (default: $NOTAUS_CONFIG, STATE/notaus.yaml, /etc/notaus/notaus.yaml)");
}
void with_json(CLI::App* sub, Line& line) { sub->add_flag("--json", line.json, "one JSON object on stdout"); }

void with_selector(CLI::App* sub, SelectorFlags& scope) {
  sub->add_flag("--global", scope.global, "everything; must be typed, nothing means it");
  sub->add_option("--tenant", scope.tenant, "one tenant");
  sub->add_option("--agent", scope.agent, "one agent; without --tenant, of that name in every tenant");
  sub->add_option("--tool", scope.tool, "one tool, or prefix.* for all that begin so; reads and writes");
}

void add_stop(CLI::App& app, Line& line) {
  CLI::App* sub = command(app, line, "stop", "Stop calls in a scope, now, and show that they stopped.",
                          [&line] { return stop_command(line.common, line.stop, line.output()); });
  with_selector(sub, line.stop.scope);
  sub->add_option("--mode", line.stop.mode, "disable_writes (default: reads go on) or stop_all");
  sub->add_option("--reason", line.stop.reason, "why; may follow later with `notaus note`");
  sub->add_option_function<std::string>(
         "--wait", [&line](const std::string& text) { line.stop.wait = duration(text); },
         "how long to wait for ledger and points (default 1s)")
      ->type_name("DURATION");
  sub->add_flag("--no-wait", line.stop.no_wait, "answer at once; exit 3, since nothing is confirmed");
  sub->add_flag("--dry-run", line.stop.dry_run, "what would this stop now? Changes nothing");
  with_config(sub, line);
  with_json(sub, line);
  sub->footer(
      "A stop asks nobody and waits for nothing that can refuse it. Give exactly the scope that is on fire:\n"
      "  notaus stop --tenant acme --reason \"duplicate mails\"\n"
      "  notaus stop --tool email.send\n"
      "  notaus stop --global --mode stop_all\n");
}

void add_resume(CLI::App& app, Line& line) {
  CLI::App* sub = command(app, line, "resume", "Lift one stop: a permission to go on. It restarts nothing.",
                          [&line] { return resume_command(line.common, line.resume, line.output()); });
  sub->add_option("ID", line.resume.id, "the stop's id, from `notaus status`");
  with_selector(sub, line.resume.scope);
  sub->add_option("--reason", line.resume.reason, "why it is safe; required");
  sub->add_flag("--despite-silent", line.resume.despite_silent, "also if a point cannot be read; goes into the audit log");
  with_config(sub, line);
  with_json(sub, line);
  sub->footer("Needs a healthy ledger and a durable audit record, which is written first. Stops of others go on holding.");

  CLI::App* note = command(app, line, "note", "Add the reason that a stop was given without.",
                           [&line] { return note_command(line.common, line.note_id, line.note_reason, line.output()); });
  note->add_option("ID", line.note_id, "the stop's id")->required();
  note->add_option("--reason", line.note_reason, "the reason")->required();
  with_json(note, line);
}

void add_state(CLI::App& app, Line& line) {
  CLI::App* init = command(app, line, "init", "Make a state: directories, keys, an empty ledger, a commented notaus.yaml.",
                           [&line] { return init_command(line.common, line.recover ? Init::recover : Init::fresh); });
  init->add_flag("--recover", line.recover, "make a new ledger in place of a lost one; keeps every stop this host knows");
  with_config(init, line);
  init->footer("Approves the tools: of the configuration it finds. Overwrites nothing.");

  CLI::App* status = command(app, line, "status", "What is stopped, who is guarded, what is in flight.",
                             [&line] { return status_command(line.common, line.status, line.output()); });
  status->add_option("--tenant", line.status.tenant, "only what concerns this tenant");
  status->add_flag("--watch", line.status.watch, "again every second");
  status->add_flag("--assumptions", line.status.assumptions, "what the promise rests on");
  with_config(status, line);
  with_json(status, line);

  CLI::App* check = command(app, line, "check", "Would this call be allowed? Exit 6: denied.",
                            [&line] { return check_command(line.common, line.check, line.output()); });
  check->add_option("--tool", line.check.tool, "the tool's name")->required();
  check->add_option("--tenant", line.check.tenant, "left out: unknown, so every tenant's stop counts");
  check->add_option("--agent", line.check.agent, "left out: unknown");
  check->add_option("--effect", line.check.effect, "read or write; can only tighten what the catalogue says");
  with_json(check, line);

  CLI::App* doctor = command(app, line, "doctor", "Look for what would keep a stop from holding. Exit 1: something was found.",
                             [&line] { return doctor_command(line.common, line.output()); });
  with_config(doctor, line);
  with_json(doctor, line);
}

void add_tools(CLI::App& app, Line& line) {
  CLI::App* tools =
      app.add_subcommand("tools", "Which tools only read. Every tool not named here counts as a write.")->require_subcommand(1);
  CLI::App* list = command(*tools, line, "list", "The catalogue, and what waits for approval.",
                           [&line] { return tools_list_command(line.common, line.output()); });
  with_config(list, line);
  with_json(list, line);
  CLI::App* approve = command(*tools, line, "approve", "Set effects; without arguments, those of the configuration's tools:.",
                              [&line] { return tools_approve_command(line.common, line.approvals); });
  approve->add_option("TOOL=EFFECT", line.approvals, "crm.find=read, \"browser.*=write\"");
  with_config(approve, line);
  approve->footer("Loosening (a new read) is refused while a stop stands.");
}

void add_audit(CLI::App& app, Line& line) {
  CLI::App* audit =
      app.add_subcommand("audit", "Who stopped what, when, why, and every call that was blocked.")->require_subcommand(1);
  auto sub = [&](const char* name, const char* what, int (*run)(const Common&, const AuditFlags&, Output)) {
    CLI::App* made = command(*audit, line, name, what, [&line, run] { return run(line.common, line.audit, line.output()); });
    made->add_option("--since", line.audit.since, "90s, 10m, 2h, 3d ago, or a time like 2026-11-22T03:00:00Z");
    made->add_option("--tenant", line.audit.tenant, "only this tenant");
    made->add_option("--stop", line.audit.stop, "only this stop and what it denied");
    with_json(made, line);
  };
  sub("list", "The log, oldest first; with --json one object a line.", audit_list_command);
  sub("tail", "The last records, and new ones as they come.", audit_tail_command);
  sub("report", "The clean-up list: what took effect, what may have, what was denied.", audit_report_command);
}

void add_mcp(CLI::App& app, Line& line) {
  CLI::App* sub = command(app, line, "mcp", "Wrap an MCP tool server: notaus mcp [flags] -- COMMAND ARGUMENTS",
                          [&line] { return mcp_command(line.common, line.mcp, line.command); });
  sub->add_option("--server", line.mcp.server, "its name in answers; without COMMAND, the one in the configuration's servers:");
  sub->add_option("--tenant", line.mcp.tenant, "whom its calls are for (default: default)");
  sub->add_option("--agent", line.mcp.agent, "who calls");
  with_config(sub, line);
  sub->footer(
      "In a client's configuration, put `notaus mcp --` in front of the server's command:\n"
      "  { \"command\": \"notaus\", \"args\": [\"mcp\", \"--tenant\", \"acme\", \"--\", \"npx\", \"-y\", \"some-mcp-server\"] }\n"
      "Environment, stdin, stdout, stderr and exit status are the server's own. Makes a state where there is none.");
}

// The demo's own processes are this program, too; nobody else has a use for them, so --help is silent about them.
void add_demo(CLI::App& app, Line& line) {
  CLI::App* demo = app.add_subcommand("demo", "The incident Notaus exists for, without and with it; no keys, no model.");
  demo->callback([&line] {
    line.demo.output = line.json ? demo::Output::json : demo::Output::text;
    line.run = [&line] { return demo::run(line.demo); };
  });
  with_json(demo, line);
  demo->add_flag_callback("--sabotage", [&line] { line.demo.stop = demo::Stop::left_out; })->group("");

  CLI::App* mailer = app.add_subcommand("demo-mailer")->group("");
  mailer->callback([&line] { line.run = [&line] { return demo::run_mailer(line.demo_mailer); }; });
  mailer->add_option("--smtp", line.demo_mailer.smtp)->required();
  mailer->add_option("--from", line.demo_mailer.from)->required();

  CLI::App* agent = app.add_subcommand("demo-agent")->group("");
  agent->callback([&line] { line.run = [&line] { return demo::run_agent(line.demo_agent, line.command); }; });
  agent->add_option("--first-customer", line.demo_agent.first_customer);
  agent->add_option("--every-ms", line.demo_agent.every_ms);
  agent->add_option("--after-ms", line.demo_agent.after_ms);
}

int parse_and_run(CLI::App& app, Line& line, int argc, char** argv) {
  if (argc == 1) {
    fmt::print(stderr, "{}\nsee: notaus --help\n", kIntro);
    return control::kUsage;
  }
  int ours = 1;
  while (ours < argc && std::string_view(argv[ours]) != "--") ++ours;
  for (int i = ours + 1; i < argc; ++i) line.command.emplace_back(argv[i]);
  try {
    app.parse(ours, argv);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::CallForVersion& version) {
    return app.exit(version);
  } catch (const CLI::ParseError& wrong) {
    CLI::App* asked = &app;
    while (!asked->get_subcommands().empty()) asked = asked->get_subcommands().front();
    const bool unknown = asked == &app && ours > 1 && argv[1][0] != '-';
    fmt::print(stderr, "notaus: {}\nsee: {} --help\n", unknown ? fmt::format("there is no command {}", argv[1]) : wrong.what(),
               asked == &app ? "notaus" : "notaus " + asked->get_name());
    return control::kUsage;
  }
  return line.run();
}

}  // namespace

int main(int argc, char** argv) {
  Line line;
  CLI::App app(kIntro, "notaus");
  app.footer(kExits);
  app.set_version_flag("--version", "notaus " NOTAUS_VERSION);
  app.require_subcommand(1);
  app.option_defaults()->always_capture_default(false);
  add_stop(app, line);
  add_resume(app, line);
  add_state(app, line);
  add_tools(app, line);
  add_audit(app, line);
  add_mcp(app, line);
  add_demo(app, line);
  int code = parse_and_run(app, line, argc, argv);
  std::fflush(stdout);
  // Not exit(): a thread that hangs on a dead disk must not keep the answer from the operator.
  _exit(code);
}
