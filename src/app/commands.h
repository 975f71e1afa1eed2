// app/commands.h: the subcommands behind main(). Each returns the process's exit code (control/report.h).
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "app/site.h"

namespace notaus::app {

enum class Output { text, json };

struct SelectorFlags {
  bool global = false;
  std::string tenant, agent, tool;
};

// For every command that takes them. check_scope: refused, with a message for the one who typed it.
// check_names: each that is given is one that a stop can name; empty ones are not given.
using Named = std::pair<std::string, std::string>;  // "--tenant", "acme"
Result<> check_names(const std::vector<Named>& given);
core::Selector selector_of(const SelectorFlags& scope);
Result<> check_scope(const SelectorFlags& scope);

int usage(const std::string& what);  // prints it; its exit code

struct StopFlags {
  SelectorFlags scope;
  std::string mode, reason;
  std::chrono::milliseconds wait{1000}, grace{2000};
  bool no_wait = false, dry_run = false, cancel = false, grace_given = false, local = false;
};
int stop_command(const Common& common, const StopFlags& flags, Output output);

struct DrainFlags {
  SelectorFlags scope;
  std::chrono::milliseconds timeout{30'000};
};
int drain_command(const Common& common, const DrainFlags& flags, Output output);

struct ResumeFlags {
  std::string id;
  SelectorFlags scope;
  std::string reason;
  bool despite_silent = false;
};
int resume_command(const Common& common, const ResumeFlags& flags, Output output);
int note_command(const Common& common, const std::string& id, const std::string& reason, Output output);

enum class Init { fresh, recover };
int init_command(const Common& common, Init how);

struct StatusFlags {
  std::string tenant;
  bool watch = false, assumptions = false;
};
int status_command(const Common& common, const StatusFlags& flags, Output output);

struct CheckFlags {
  std::string tool, tenant, agent, effect;
};
int check_command(const Common& common, const CheckFlags& flags, Output output);
int doctor_command(const Common& common, Output output);

struct ToolsFlags {
  std::vector<std::string> changes;  // TOOL=EFFECT
  std::string server;
  std::vector<std::string> command;  // of the server; empty: the configuration's
  std::chrono::milliseconds timeout{60'000};
  bool dry_run = false;

  [[nodiscard]] bool asks_server() const { return !server.empty() || !command.empty(); }
};
int tools_list_command(const Common& common, const ToolsFlags& flags, Output output);
int tools_approve_command(const Common& common, const ToolsFlags& flags);

struct AuditFlags {
  std::string since, until, tenant, agent, tool, kind, reason, stop;
  std::uint64_t last = 10;  // of tail
  bool html = false;
};
int audit_list_command(const Common& common, const AuditFlags& flags, Output output);
int audit_tail_command(const Common& common, const AuditFlags& flags, Output output);
int audit_report_command(const Common& common, const AuditFlags& flags, Output output);

struct ExportFlags {
  std::string format = "json", cursor;  // a file
};
int audit_export_command(const Common& common, const ExportFlags& flags);

struct PruneFlags {
  std::string keep;
  bool dry_run = false;
};
int audit_prune_command(const Common& common, const PruneFlags& flags);

struct EvidenceFlags {
  std::string log;      // a log's directory; empty: the state's
  std::optional<std::string> earlier;  // a checkpoint: a file, or its text
  std::string proof;    // a file
  std::string vkey;     // a file, or its text; empty: the log's
  std::string number;   // of the record to prove
  bool require_witness = false;
};
int audit_verify_command(const Common& common, const EvidenceFlags& flags, Output output);
int audit_prove_command(const Common& common, const EvidenceFlags& flags);

struct McpFlags {
  std::string server, tenant = "default", agent;
};
int mcp_command(const Common& common, const McpFlags& flags, const std::vector<std::string>& command);

struct RunFlags {
  std::string tenant = "default", agent, tool;
};
int run_command(const Common& common, const RunFlags& flags, const std::vector<std::string>& command);

int up_command(const Common& common);
int config_check_command(const Common& common, const std::string& file);
int config_reload_command(const Common& common);

struct InstallFlags {
  std::vector<std::string> files;
  std::vector<std::string> servers;  // empty: all
  std::string tenant, agent;
  bool dry_run = false;
};
int install_command(const Common& common, const InstallFlags& flags);
int uninstall_command(const InstallFlags& flags);

}  // namespace notaus::app
