// app/cli.h: every subcommand, its flags and its help, as one tree. What they do is behind commands.h.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "app/commands.h"
#include "demo/demo.h"

namespace notaus::app {

// What was typed.
struct Line {
  Common common;
  bool json = false;
  StopFlags stop;
  DrainFlags drain;
  ResumeFlags resume;
  std::string note_id, note_reason, config_file;
  bool recover = false;
  StatusFlags status;
  CheckFlags check;
  ToolsFlags tools;
  AuditFlags audit;
  EvidenceFlags evidence;
  ExportFlags exported;
  PruneFlags prune;
  McpFlags mcp;
  RunFlags worker;
  InstallFlags install;
  demo::Flags demo;
  demo::MailerFlags demo_mailer;
  demo::AgentFlags demo_agent;
  std::vector<std::string> command;  // behind --
  std::function<int()> run;

  [[nodiscard]] Output output() const { return json ? Output::json : Output::text; }
};

struct Term {
  const char* term;
  const char* what;
};

// What --help says behind the commands, and the manual page, too.
std::span<const Term> exit_codes();
std::span<const Term> environment();
std::span<const Term> files();

// How an option's value is named in --help, which is also what a shell completes: TENANT, AGENT, TOOL, STOP, SERVER, FILE, DIR,
// or the words themselves, "read|write".
//
// Parses into `line`, which must outlive it; a subcommand that was named leaves what to do in `line.run`. If `typed` is a command, the tree
// has it and few others: to make all of them takes longer than to flip a page.
std::unique_ptr<CLI::App> command_tree(Line& line, std::string_view typed = {});

}  // namespace notaus::app
