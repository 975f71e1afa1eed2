#include "app/cli.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

namespace notaus::app {
namespace {

constexpr const char* kIntro =
    "The emergency stop for AI agents. Stops what they do through their tools: now, for exactly the scope that is on fire,\n"
    "and says whether it has stopped.\n\n"
    "  notaus mcp -- COMMAND                 wrap an MCP tool server: its calls now pass Notaus\n"
    "  notaus stop --tenant acme             stop acme's writes; reads go on\n"
    "  notaus status                         what is stopped, who is guarded, what is in flight\n"
    "  notaus resume ID --reason \"fixed\"     lift one stop\n"
    "  notaus demo                           see all of it in half a minute\n";

constexpr Term kExits[] = {
    {"0", "done and confirmed"},
    {"1", "failed, nothing was stopped; or a resume was refused"},
    {"2", "usage"},
    {"3", "stopped, not confirmed; audit verify: the log's end is unwitnessed"},
    {"4", "not yours to do"},
    {"5", "stopped on this host, not in the ledger"},
    {"6", "check, run: denied"},
    {"7", "drain: calls remain"},
    {"8", "stopped, but nothing that was ever seen matches"},
    {"9", "audit verify: the log was tampered with"},
};

constexpr Term kEnvironment[] = {
    {"NOTAUS_STATE", "the state directory, unless --state names one"},
    {"NOTAUS_CONFIG", "the configuration, unless --config names one"},
};

constexpr Term kFiles[] = {
    {"/var/lib/notaus", "the state directory, if it exists"},    {"~/.local/state/notaus", "else this one"},
    {"STATE/notaus.yaml", "the configuration, if it exists"},    {"/etc/notaus/notaus.yaml", "else this one"},
    {"STATE/log", "the audit log; read it with `notaus audit`"}, {"STATE/STOP", "make it, and everything on this host is stopped"},
};

std::string listed(const char* title, std::span<const Term> terms) {
  std::string out = fmt::format("{}:\n", title);
  for (const Term& term : terms) out += fmt::format("  {:24} {}\n", term.term, term.what);
  return out;
}

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
  sub->add_option("--state", line.common.state, "state directory (default: $NOTAUS_STATE, /var/lib/notaus, ~/.local/state/notaus)")
      ->type_name("DIR");
  sub->callback([&line, sub, run = std::move(run)] {
    if (sub->get_subcommands().empty()) line.run = run;  // else it is the subcommand's turn, whose callback came first
  });
  return sub;
}

void with_config(CLI::App* sub, Line& line) {
  sub->add_option("--config", line.common.config,
                  "configuration (default: $NOTAUS_CONFIG, STATE/notaus.yaml, /etc/notaus/notaus.yaml)")
      ->type_name("FILE");
}
void with_json(CLI::App* sub, Line& line) { sub->add_flag("--json", line.json, "one JSON object on stdout"); }

void add_duration(CLI::App* sub, const char* name, const char* what, std::function<void(std::chrono::milliseconds)> set) {
  sub->add_option_function<std::string>(
         name, [set = std::move(set)](const std::string& text) { set(duration(text)); }, what)
      ->type_name("DURATION");
}

void with_selector(CLI::App* sub, SelectorFlags& scope) {
  sub->add_flag("--global", scope.global, "everything; must be typed, nothing means it");
  sub->add_option("--tenant", scope.tenant, "one tenant")->type_name("TENANT");
  sub->add_option("--agent", scope.agent, "one agent; without --tenant, of that name in every tenant")->type_name("AGENT");
  sub->add_option("--tool", scope.tool, "one tool, or prefix.* for all that begin so; reads and writes")->type_name("TOOL");
}

void add_stop(CLI::App& app, Line& line) {
  CLI::App* sub = command(app, line, "stop", "Stop calls in a scope, now, and show that they stopped.",
                          [&line] { return stop_command(line.common, line.stop, line.output()); });
  with_selector(sub, line.stop.scope);
  sub->add_option("--mode", line.stop.mode, "disable_writes (default: reads go on) or stop_all")
      ->type_name("disable_writes|stop_all");
  sub->add_option("--reason", line.stop.reason, "why; may follow later with `notaus note`")->type_name("TEXT");
  add_duration(sub, "--wait", "how long to wait for ledger and points (default 1s)", [&line](auto wait) { line.stop.wait = wait; });
  sub->add_flag("--no-wait", line.stop.no_wait, "answer at once; exit 3, since nothing is confirmed");
  sub->add_flag("--cancel", line.stop.cancel, "end calls in flight, too: ask after the grace, sever 1 s later, outcome unknown");
  add_duration(sub, "--grace", "with --cancel: how long they may take to end by themselves (default 2s)", [&line](auto grace) {
    line.stop.grace = grace;
    line.stop.grace_given = true;
  });
  sub->add_flag("--local", line.stop.local, "this host alone: its live page and durable file, no ledger; exit 5");
  sub->add_flag("--dry-run", line.stop.dry_run, "what would this stop now? Changes nothing");
  with_config(sub, line);
  with_json(sub, line);
  sub->footer(
      "A stop asks nobody and waits for nothing that can refuse it. Give exactly the scope that is on fire:\n"
      "  notaus stop --tenant acme --reason \"duplicate mails\"\n"
      "  notaus stop --tool email.send --cancel       also what it is doing at this moment\n"
      "  notaus stop --global --mode stop_all\n");
}

void add_drain(CLI::App& app, Line& line) {
  CLI::App* sub = command(app, line, "drain", "Follow calls in flight until none is left. Exit 7: some are.",
                          [&line] { return drain_command(line.common, line.drain, line.output()); });
  with_selector(sub, line.drain.scope);
  add_duration(sub, "--timeout", "how long to follow them (default 30s)", [&line](auto timeout) { line.drain.timeout = timeout; });
  with_json(sub, line);
  sub->footer("It ends none of them; `notaus stop … --cancel` does. Without a scope: all calls of this host.");
}

void add_resume(CLI::App& app, Line& line) {
  CLI::App* sub = command(app, line, "resume", "Lift one stop: a permission to go on. It restarts nothing.",
                          [&line] { return resume_command(line.common, line.resume, line.output()); });
  sub->add_option("ID", line.resume.id, "the stop's id, from `notaus status`")->type_name("STOP");
  with_selector(sub, line.resume.scope);
  sub->add_option("--reason", line.resume.reason, "why it is safe; required")->type_name("TEXT");
  sub->add_flag("--despite-silent", line.resume.despite_silent, "also if a point cannot be read; goes into the audit log");
  with_config(sub, line);
  with_json(sub, line);
  sub->footer("Needs a healthy ledger and a durable audit record, which is written first. Stops of others go on holding.");

  CLI::App* note = command(app, line, "note", "Add the reason that a stop was given without.",
                           [&line] { return note_command(line.common, line.note_id, line.note_reason, line.output()); });
  note->add_option("ID", line.note_id, "the stop's id")->required()->type_name("STOP");
  note->add_option("--reason", line.note_reason, "the reason")->required()->type_name("TEXT");
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
  status->add_option("--tenant", line.status.tenant, "only what concerns this tenant")->type_name("TENANT");
  status->add_flag("--watch", line.status.watch, "again every second");
  status->add_flag("--assumptions", line.status.assumptions, "what the promise rests on");
  with_config(status, line);
  with_json(status, line);

  CLI::App* check = command(app, line, "check", "Would this call be allowed? Exit 6: denied.",
                            [&line] { return check_command(line.common, line.check, line.output()); });
  check->add_option("--tool", line.check.tool, "the tool's name")->required()->type_name("TOOL");
  check->add_option("--tenant", line.check.tenant, "left out: unknown, so every tenant's stop counts")->type_name("TENANT");
  check->add_option("--agent", line.check.agent, "left out: unknown")->type_name("AGENT");
  check->add_option("--effect", line.check.effect, "read or write; can only tighten what the catalogue says")
      ->type_name("read|write");
  with_json(check, line);

  CLI::App* doctor = command(app, line, "doctor", "Look for what would keep a stop from holding. Exit 1: something was found.",
                             [&line] { return doctor_command(line.common, line.output()); });
  with_config(doctor, line);
  with_json(doctor, line);
}

void with_server(CLI::App* sub, Line& line) {
  sub->add_option("--server", line.tools.server, "the server to ask; without COMMAND, the one in the configuration's servers:")
      ->type_name("SERVER");
  add_duration(sub, "--timeout", "how long it may take to start and to answer (default 60s)",
               [&line](auto timeout) { line.tools.timeout = timeout; });
}

void add_tools(CLI::App& app, Line& line) {
  CLI::App* tools =
      app.add_subcommand("tools", "Which tools only read. Every tool not named here counts as a write.")->require_subcommand(1);
  CLI::App* list =
      command(*tools, line, "list", "The catalogue, and what waits for approval; or a server's tools beside it.", [&line] {
        line.tools.command = line.command;
        return tools_list_command(line.common, line.tools, line.output());
      });
  with_server(list, line);
  with_config(list, line);
  with_json(list, line);
  CLI::App* approve =
      command(*tools, line, "approve", "Set effects; without arguments, those of the configuration's tools:.", [&line] {
        line.tools.command = line.command;
        return tools_approve_command(line.common, line.tools);
      });
  approve->add_option("TOOL=EFFECT", line.tools.changes, "crm.find=read, \"browser.*=write\"")->type_name("TOOL=EFFECT");
  with_server(approve, line);
  approve->add_flag("--dry-run", line.tools.dry_run, "only show what a server's tools would become");
  with_config(approve, line);
  approve->footer(
      "  notaus tools approve --server mail                  a server of the configuration\n"
      "  notaus tools approve -- npx -y some-mcp-server      any server\n"
      "starts the server, asks for its tools and takes its word: what it calls read-only becomes read, unless the catalogue says\n"
      "write; what is read and it does not call so becomes write. Its word of now: what it says later changes nothing.\n"
      "Loosening (a new read) is refused while a stop stands.");
}

void add_evidence(CLI::App& audit, Line& line) {
  auto with_log = [&line](CLI::App* made) {
    made->add_option("--log", line.evidence.log, "a log's directory (default: STATE/log), as a copy of one")->type_name("DIR");
  };
  CLI::App* verify = command(audit, line, "verify", "Is the log the one that was written? Exit 9: it is not. Changes nothing.",
                             [&line] { return audit_verify_command(line.common, line.evidence, line.output()); });
  verify
      ->add_option("--since", line.evidence.earlier,
                   "a checkpoint that `notaus stop` printed, or a file with it or with its --json")
      ->type_name("CHECKPOINT");
  verify->add_option("--proof", line.evidence.proof, "check this proof of one record instead, without the log")->type_name("FILE");
  verify->add_option("--vkey", line.evidence.vkey, "whose signature counts (default: the log's own vkey)")->type_name("VKEY");
  verify->add_flag("--require-witness", line.evidence.require_witness, "exit 3 if --since does not cover all of it");
  with_log(verify);
  with_json(verify, line);
  verify->footer(
      "Without --since it finds what was changed, removed, inserted or moved. That the end was cut off, or all of it exchanged for "
      "an\n"
      "older or another log, only a checkpoint shows that was kept elsewhere: each stop prints one.");

  CLI::App* prove = command(audit, line, "prove", "Evidence that the log has a record, for someone who has not the log.",
                            [&line] { return audit_prove_command(line.common, line.evidence); });
  prove->add_option("SEQ", line.evidence.number, "the record's number")->required()->type_name("SEQ");
  with_log(prove);
  prove->footer("  notaus audit prove 41 > 41.tlog-proof\n  notaus audit verify --proof 41.tlog-proof --vkey VKEY");
}

void add_audit(CLI::App& app, Line& line) {
  CLI::App* audit =
      app.add_subcommand("audit", "Who stopped what, when, why, and every call that was blocked.")->require_subcommand(1);
  auto sub = [&](const char* name, const char* what, int (*run)(const Common&, const AuditFlags&, Output)) {
    CLI::App* made = command(*audit, line, name, what, [&line, run] { return run(line.common, line.audit, line.output()); });
    made->add_option("--since", line.audit.since, "90s, 10m, 2h, 3d ago, or a time like 2026-11-22T03:00:00Z")->type_name("TIME");
    made->add_option("--until", line.audit.until, "the same: what is older")->type_name("TIME");
    made->add_option("--tenant", line.audit.tenant, "only this tenant")->type_name("TENANT");
    made->add_option("--stop", line.audit.stop, "only this stop and what it denied")->type_name("STOP");
    with_json(made, line);
    return made;
  };
  auto with_words = [&](CLI::App* made) {
    made->add_option("--agent", line.audit.agent, "only this agent")->type_name("AGENT");
    made->add_option("--tool", line.audit.tool, "only this tool, or all that begin so: crm.*")->type_name("TOOL");
    made->add_option("--kind", line.audit.kind, "only records of this kind: stop, resume, blocked, admitted_write, …")
        ->type_name("KIND");
    made->add_option("--reason", line.audit.reason, "only of this reason, or what begins so up to a colon: \"killed: stop_all\"")
        ->type_name("TEXT");
  };
  with_words(sub("list", "The log, oldest first; with --json one object a line.", audit_list_command));
  CLI::App* tail = sub("tail", "The last records, and new ones as they come.", audit_tail_command);
  with_words(tail);
  tail->add_option("-n,--lines", line.audit.last, "begin with those of the last N records that match (default: 10)")
      ->type_name("N");
  sub("report", "The clean-up list: what took effect, what may have, what was denied.", audit_report_command)
      ->add_flag("--html", line.audit.html, "a page to read and print, with a picture of when");
  CLI::App* exported =
      command(*audit, line, "export", "The log for what collects logs; with a cursor, what is new since the last time.",
              [&line] { return audit_export_command(line.common, line.exported); });
  exported->add_option("--format", line.exported.format, "json: the records as they are (default); ocsf: OCSF 1.3.0")
      ->type_name("FORMAT");
  exported
      ->add_option("--cursor", line.exported.cursor,
                   "begin where this file says, and let it say where this ended once all is written")
      ->type_name("FILE");
  exported->footer(
      "A record may come twice if an export is killed, and none is left out.\n"
      "The cursor is a checkpoint, a witness of the log: exit 9 if the log is not the one that it has seen.");
  CLI::App* prune = command(*audit, line, "prune", "Removes records that are old enough, by the 256.",
                            [&line] { return audit_prune_command(line.common, line.prune); });
  prune
      ->add_option("--keep", line.prune.keep,
                   "what stays: 400d, or since a time like 2026-01-01T00:00:00Z, or the newest 20GiB (default: audit: keep: of the "
                   "configuration)")
      ->type_name("KEEP");
  prune->add_flag("--dry-run", line.prune.dry_run, "only say how many would go");
  with_config(prune, line);
  prune->footer(
      "A record of it comes first; if that cannot be made durable, nothing goes.\n"
      "Hashes stay, so that proofs and checkpoints that were given away go on to hold.\n"
      "With audit: keep: in its configuration `notaus up` does the same once an hour; without, nothing does.");
  add_evidence(*audit, line);
}

void add_up(CLI::App& app, Line& line) {
  CLI::App* up = command(app, line, "up",
                         "Run the gate for HTTP in the foreground: MCP servers: and tools behind routes:, who calls from agents:.",
                         [&line] { return up_command(line.common); });
  with_config(up, line);
  up->footer(
      "One process: the gate at listen: gate, and this host's loop, which keeps page, ledger and log together. SIGHUP reads the\n"
      "configuration again; one that cannot be used changes nothing. SIGTERM ends it: no new calls, those under way may finish.\n"
      "Stops need it as little as it needs them: every command works on the state, whether or not this runs.\n"
      "Who may not write the state stops through its socket, STATE/live/control: members of the group notaus, if there is one.");

  CLI::App* config = app.add_subcommand("config", "Look at a configuration before it is used, and use it.")->require_subcommand(1);
  CLI::App* check = command(*config, line, "check", "Could this file be used? Exit 1: no, and where it is wrong.",
                            [&line] { return config_check_command(line.common, line.config_file); });
  check->add_option("FILE", line.config_file, "the file; left out: the one that commands would use")->type_name("FILE");
  with_config(check, line);
  command(*config, line, "reload", "Have `notaus up` read its configuration again. A bad file changes nothing.",
          [&line] { return config_reload_command(line.common); });
}

void add_install(CLI::App& mcp, Line& line) {
  CLI::App* install = command(mcp, line, "install", "Put `notaus mcp` in front of the servers in a client's configuration.",
                              [&line] { return install_command(line.common, line.install); });
  install->add_option("FILE", line.install.files, "the client's configuration; several may be given")
      ->required()
      ->type_name("FILE");
  install->add_option("--server", line.install.servers, "only this server; may be repeated")
      ->type_name("NAME")
      ->allow_extra_args(false);
  install->add_option("--tenant", line.install.tenant, "whom their calls are for (default: default)")->type_name("TENANT");
  install->add_option("--agent", line.install.agent, "who calls")->type_name("AGENT");
  install->add_flag("--dry-run", line.install.dry_run, "only show what would change");
  with_config(install, line);
  install->footer(
      "  notaus mcp install ~/.claude.json .vscode/mcp.json\n"
      "Knows mcpServers (Claude Desktop, Claude Code, Cursor) and servers (VS Code). Only command and args of its servers change; "
      "the\n"
      "file as it was is kept as FILE.before-notaus. A server with a url is left alone, and named: its calls do not pass Notaus.\n"
      "A second install changes nothing, or what was given differently.");

  CLI::App* uninstall =
      mcp.add_subcommand("uninstall", "Take it away again; a file changed by nothing else is as it was, byte for byte.");
  uninstall->callback([&line] { line.run = [&line] { return uninstall_command(line.install); }; });
  uninstall->add_option("FILE", line.install.files, "the client's configuration; several may be given")
      ->required()
      ->type_name("FILE");
}

void add_mcp(CLI::App& app, Line& line) {
  CLI::App* sub = command(app, line, "mcp", "Wrap an MCP tool server: notaus mcp [flags] -- COMMAND ARGUMENTS",
                          [&line] { return mcp_command(line.common, line.mcp, line.command); });
  sub->add_option("--server", line.mcp.server, "its name in answers; without COMMAND, the one in the configuration's servers:")
      ->type_name("SERVER");
  sub->add_option("--tenant", line.mcp.tenant, "whom its calls are for (default: default)")->type_name("TENANT");
  sub->add_option("--agent", line.mcp.agent, "who calls")->type_name("AGENT");
  with_config(sub, line);
  sub->footer(
      "In a client's configuration, put `notaus mcp --` in front of the server's command:\n"
      "  { \"command\": \"notaus\", \"args\": [\"mcp\", \"--tenant\", \"acme\", \"--\", \"npx\", \"-y\", \"some-mcp-server\"] }\n"
      "Environment, stdin, stdout, stderr and exit status are the server's own. Makes a state where there is none.");
  add_install(*sub, line);
}

void add_run(CLI::App& app, Line& line) {
  CLI::App* sub = command(app, line, "run", "Run a worker as one call: notaus run [flags] -- COMMAND ARGUMENTS",
                          [&line] { return run_command(line.common, line.worker, line.command); });
  sub->add_option("--tool", line.worker.tool, "which tool's call it is (a cron mailer: email.send); else only stop_all stops it")
      ->type_name("TOOL");
  sub->add_option("--tenant", line.worker.tenant, "whom it works for (default: default)")->type_name("TENANT");
  sub->add_option("--agent", line.worker.agent, "who it is")->type_name("AGENT");
  with_config(sub, line);
  sub->footer(
      "Exit 6: a stop stands, it was not started. While one of its processes lives it is in flight: listed by every stop, ended "
      "with all\n"
      "of them by `notaus stop … --cancel`. Its exit status is the command's. In a crontab:\n"
      "  */5 * * * *  notaus run --tool email.send --agent follow-up -- /opt/mailer/send-follow-ups");
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

constexpr struct {
  std::array<std::string_view, 4> commands;
  void (*add)(CLI::App&, Line&);
} kParts[] = {
    {{"stop"}, add_stop},
    {{"drain"}, add_drain},
    {{"resume", "note"}, add_resume},
    {{"init", "status", "check", "doctor"}, add_state},
    {{"tools"}, add_tools},
    {{"audit"}, add_audit},
    {{"mcp"}, add_mcp},
    {{"run"}, add_run},
    {{"up", "config"}, add_up},
    {{"demo", "demo-mailer", "demo-agent"}, add_demo},
};

}  // namespace

std::span<const Term> exit_codes() { return kExits; }
std::span<const Term> environment() { return kEnvironment; }
std::span<const Term> files() { return kFiles; }

std::unique_ptr<CLI::App> command_tree(Line& line, std::string_view typed) {
  auto app = std::make_unique<CLI::App>(kIntro, "notaus");
  app->footer(listed("Exit codes", kExits) + listed("Environment", kEnvironment) + listed("Files", kFiles));
  app->set_version_flag("--version", "notaus " NOTAUS_VERSION);
  app->require_subcommand(1);
  app->option_defaults()->always_capture_default(false);
  auto has = [typed](const auto& part) { return !typed.empty() && std::ranges::find(part.commands, typed) != part.commands.end(); };
  const bool known = std::ranges::any_of(kParts, has);
  for (const auto& part : kParts)
    if (!known || has(part)) part.add(*app, line);
  return app;
}

}  // namespace notaus::app
