#include "control/hunt.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>

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

}  // namespace

Hunt hunt(const page::StateDir& state) {
  Hunt found;
  struct stat page{};
  std::uint64_t inode = stat(state.page().c_str(), &page) == 0 ? page.st_ino : 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    std::string name = entry.path().filename().string();
    int pid = 0;
    auto [end, bad] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (bad == std::errc() && end == name.data() + name.size() && pid != getpid()) look_into(pid, state, inode, found);
  }
  return found;
}

}  // namespace notaus::control
