#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>

#include <fmt/format.h>

#include "control/status.h"
#include "page/durable.h"
#include "page/spool.h"

namespace notaus::control {
namespace {

using Findings = std::vector<Finding>;

constexpr long kTmpfs = 0x01021994, kNfs = 0x6969;

long filesystem_of(const std::string& path) {
  struct statfs fs{};
  return statfs(path.c_str(), &fs) == 0 ? static_cast<long>(fs.f_type) : 0;
}

void look_at_files(const host::Site& site, Findings& out) {
  const page::StateDir& state = site.state;
  auto too_open = [&](const std::string& path, unsigned forbidden) {
    struct stat file{};
    if (stat(path.c_str(), &file) == 0 && (file.st_mode & forbidden) != 0)
      out.push_back({fmt::format("{} has mode {:o}", path, file.st_mode & 07777),
                     fmt::format("chmod {:o} {}", file.st_mode & 07777 & ~forbidden, path)});
  };
  too_open(state.path, 022);
  too_open(state.page(), 022);
  for (const std::string& path : {state.lock(), state.durable(), state.ledger(), state.log()}) too_open(path, 077);
  if (filesystem_of(state.path) == kNfs)
    out.push_back({state.path + " lies on NFS, where the ledger's locks do not hold", "move the state to a local disk"});
  if (filesystem_of(state.file("live")) != kTmpfs)
    out.push_back({state.file("live") + " is not on tmpfs: if its disk freezes, calls and stops block until it thaws",
                   state.path == page::kSystemState ? "link it to /run/notaus" : "keep the state in /var/lib/notaus"});
  if (geteuid() != 0 && state.path != page::kSystemState)
    out.push_back(
        {fmt::format("{} belongs to {}, as whom agents may run too: they could resume by themselves", state.path, geteuid()),
         "keep the state in /var/lib/notaus, as root or a user of its own"});
}

void look_at_durable(const host::Site& site, Findings& out) {
  auto durable = page::read_durable(site.state);
  if (!durable && durable.error().kind == Kind::broken)
    out.push_back(
        {durable.error().what, "any `notaus stop` or `resume` writes it anew; until then the ledger alone survives a reboot"});
  if (durable && durable->older)
    out.push_back({site.state.durable() + ": its newer half is damaged", "any `notaus stop` or `resume` writes it anew"});
}

void look_at_ledger(const host::Site& site, Findings& out) {
  auto book = host::open_ledger(site, std::chrono::seconds(1));
  auto state = book ? book.value()->read() : Result<core::State>(std::unexpected(book.error()));
  auto entries = state ? book.value()->actions(0) : Result<std::vector<ledger::Entry>>(std::unexpected(state.error()));
  if (!entries) {
    out.push_back({entries.error().what, fmt::format("restore it, or `notaus init --recover --state {}`", site.state.path)});
    return;
  }
  std::vector<core::Action> actions;
  for (const ledger::Entry& entry : *entries) actions.push_back(entry.action);
  auto folded = core::fold(state->epoch, actions);
  if (!folded || *folded != *state)
    out.push_back({"the ledger's state is not what its actions make: somebody has written to it",
                   "compare `notaus status` and `notaus audit list`; `notaus init --recover` makes a new one"});
}

bool no_tool(const page::SeenCall& call) { return call.entry.tool.size == 0; }

void look_at_points(const host::Site& site, Findings& out) {
  auto points = page::scan(site.state);
  for (const page::SeenPoint& point : points)
    if (!point.trouble.empty()) out.push_back({"silent point: " + point.trouble, "until then no stop can be confirmed"});
  if (std::ranges::none_of(points, &page::SeenPoint::alive))
    out.push_back({fmt::format("no process is guarded by this state, and nobody watches {}", site.state.sentinel()),
                   "wrap a tool server: notaus mcp -- COMMAND"});
  for (const page::SeenPoint& point : points)
    if (point.alive && point.tenant.empty())
      out.push_back({fmt::format("{} has no tenant: it matches every tenant's stop", point.process), "give it --tenant"});
  for (const page::SeenPoint& point : points)
    if (point.alive && point.name.starts_with("run:") && std::ranges::any_of(point.calls, no_tool))
      out.push_back({fmt::format("worker {} was started without --tool: it works on under disable_writes", point.process),
                     "notaus run --tool NAME -- COMMAND"});
  Hunt found = hunt(site.state);
  for (const Holder& holder : found.silent)
    out.push_back({fmt::format("process {} ({}) holds a page of this state that is not the one there", holder.pid, holder.program),
                   "end it"});
  if (!found.complete && geteuid() != 0)
    out.push_back({"some processes are other users' and could not be looked into", "run doctor as root"});
  for (page::Segment& segment : page::list_segments(site.state))
    if (auto read = page::read_segment(segment, 0); !read) out.push_back({read.error().what, "move it away: it cannot be drained"});
}

}  // namespace

std::vector<Finding> doctor(const host::Site& site) {
  Findings out;
  auto view = host::sync(site, std::chrono::seconds(1));
  if (!view) return {{view.error().what, "nothing else can be looked at"}};
  if (!view->warning.empty()) out.push_back({view->warning, "see above"});
  look_at_files(site, out);
  look_at_durable(site, out);
  look_at_ledger(site, out);
  look_at_points(site, out);
  return out;
}

}  // namespace notaus::control
