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

struct StopFlags {
  SelectorFlags scope;
  std::string mode, reason;
  std::chrono::milliseconds wait{1000};
  bool no_wait = false, dry_run = false;
};
int stop_command(const Common& common, const StopFlags& flags, Output output);

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

int tools_list_command(const Common& common, Output output);
int tools_approve_command(const Common& common, const std::vector<std::string>& changes);

struct AuditFlags {
  std::string since, tenant, stop;
};
int audit_list_command(const Common& common, const AuditFlags& flags, Output output);
int audit_tail_command(const Common& common, const AuditFlags& flags, Output output);
int audit_report_command(const Common& common, const AuditFlags& flags, Output output);

struct McpFlags {
  std::string server, tenant = "default", agent;
};
int mcp_command(const Common& common, const McpFlags& flags, const std::vector<std::string>& command);

}  // namespace notaus::app
