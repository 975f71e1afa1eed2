#include "control/hunt.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <system_error>
#include <thread>

namespace notaus::control {
namespace {

struct Mapping {
  std::uint64_t inode;
  std::string path;
  bool deleted;
};

// "7f…-7f… r--s 00000000 fe:00 1234  /path/live/page (deleted)"; only live pages.
bool parse(std::string_view line, Mapping& out) {
  std::size_t slash = line.find('/');
  if (slash == std::string_view::npos) return false;
  std::string_view path = line.substr(slash), head = line.substr(0, slash);
  constexpr std::string_view kDeleted = " (deleted)", kPage = "/live/page", kRun = "/run/notaus/page";
  out.deleted = path.ends_with(kDeleted);
  if (out.deleted) path.remove_suffix(kDeleted.size());
  if (!path.ends_with(kPage) && path != kRun) return false;
  std::size_t end = head.find_last_not_of(' ') + 1, begin = head.rfind(' ', end - 1) + 1;
  std::from_chars(head.data() + begin, head.data() + end, out.inode);
  out.path = path == kRun ? page::kSystemState : std::string(path.substr(0, path.size() - kPage.size()));
  return true;
}

void look_into(int pid, const page::StateDir& state, std::uint64_t inode, Hunt& found) {
  const std::string proc = "/proc/" + std::to_string(pid);
  auto maps = read_file(proc + "/maps");
  if (!maps) {
    found.complete &= maps.error().kind != Kind::refused;
    return;
  }
  for (std::size_t from = 0, end; (end = maps->find('\n', from)) != std::string::npos; from = end + 1) {
    Mapping mapping{};
    if (!parse(std::string_view(*maps).substr(from, end - from), mapping)) continue;
    auto program = read_file(proc + "/comm", 64).value_or("?\n");
    Holder holder{pid, program.substr(0, program.find('\n')), mapping.path};
    if (mapping.path != state.path)
      found.elsewhere.push_back(holder);
    else if (mapping.deleted || mapping.inode != inode)
      found.silent.push_back(holder);
  }
}

std::vector<int> processes() {
  std::vector<int> out;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    std::string name = entry.path().filename().string();
    int pid = 0;
    auto [end, bad] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (bad == std::errc() && end == name.data() + name.size() && pid != getpid()) out.push_back(pid);
  }
  return out;
}

void add(const Hunt& part, Hunt& whole) {
  whole.silent.insert(whole.silent.end(), part.silent.begin(), part.silent.end());
  whole.elsewhere.insert(whole.elsewhere.end(), part.elsewhere.begin(), part.elsewhere.end());
  whole.complete &= part.complete;
}

}  // namespace

// The kernel writes out the maps of one process in about 80 us: of many, on all cores.
Hunt hunt(const page::StateDir& state) {
  constexpr std::size_t kWorthAThread = 64;
  struct stat page{};
  const std::uint64_t inode = stat(state.page().c_str(), &page) == 0 ? page.st_ino : 0;
  const std::vector<int> pids = processes();
  std::vector<Hunt> parts(
      std::clamp<std::size_t>(pids.size() / kWorthAThread, 1, std::max(1u, std::thread::hardware_concurrency())));
  auto look = [&](std::size_t part) {
    for (std::size_t i = part; i < pids.size(); i += parts.size()) look_into(pids[i], state, inode, parts[part]);
  };
  {
    std::vector<std::jthread> others;
    try {
      while (others.size() + 1 < parts.size()) others.emplace_back(look, others.size() + 1);
    } catch (const std::system_error&) {  // no thread to be had: what is left is looked at here
      for (std::size_t part = others.size() + 1; part < parts.size(); ++part) look(part);
    }
    look(0);
  }
  Hunt found;
  for (const Hunt& part : parts) add(part, found);
  return found;
}

std::set<std::string> other_states(const Hunt& found) {
  std::set<std::string> out;
  for (const Holder& holder : found.elsewhere) out.insert(holder.state_dir);
  return out;
}

}  // namespace notaus::control
