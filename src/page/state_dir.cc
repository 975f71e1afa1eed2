#include "page/state_dir.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/falloc.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>

#include "base/id.h"

namespace notaus::page {
namespace {

std::string home() {
  if (const char* home = std::getenv("HOME"); home != nullptr && home[0] == '/') return home;
  const passwd* user = getpwuid(getuid());
  return user != nullptr ? user->pw_dir : "/";
}

bool is_system(const StateDir& state) { return state.path == kSystemState; }

Result<> make_directory(const std::string& path, unsigned mode, gid_t group) {
  if (mkdir(path.c_str(), 0700) != 0) {
    if (errno != EEXIST) return std::unexpected(os_trouble(path, errno));
    struct stat seen{};
    if (stat(path.c_str(), &seen) != 0 || !S_ISDIR(seen.st_mode))
      return trouble(Kind::broken, path + ": is in the way, not a directory");
    return {};
  }
  if (group != gid_t(-1) && chown(path.c_str(), uid_t(-1), group) != 0) return std::unexpected(os_trouble(path, errno));
  if (chmod(path.c_str(), mode) != 0) return std::unexpected(os_trouble(path, errno));  // the umask is not asked
  return {};
}

// Points of other users may write slots and spools where an administrator made the group.
gid_t points_group(const StateDir& state) {
  const group* found = is_system(state) && geteuid() == 0 ? getgrnam("notaus") : nullptr;
  return found != nullptr ? found->gr_gid : gid_t(-1);
}

Result<> fill_with_zeros(int fd, std::size_t size) {
  static const char zeros[64 << 10] = {};
  for (std::size_t at = 0; at < size; at += sizeof zeros)
    if (auto wrote = write_at(fd, zeros, std::min(sizeof zeros, size - at), at); !wrote) return wrote;
  return {};
}

}  // namespace

Result<StateDir> find_state(const std::string& asked) {
  std::string path = asked;
  if (path.empty()) {
    const char* given = std::getenv("NOTAUS_STATE");
    struct stat seen{};
    if (given != nullptr && given[0] != '\0')
      path = given;
    else
      path = stat(kSystemState, &seen) == 0 ? kSystemState : home() + "/.local/state/notaus";
  }
  std::error_code error;
  auto absolute = std::filesystem::absolute(path, error).lexically_normal();
  StateDir state{absolute.string()};
  while (state.path.size() > 1 && state.path.ends_with('/')) state.path.pop_back();
  if (access(state.path.c_str(), F_OK) == 0 && access(state.path.c_str(), X_OK) != 0)
    return trouble(Kind::refused,
                   fmt::format("{}: you may not enter this state directory (it belongs to another user)", state.path));
  if (access(state.path.c_str(), F_OK) != 0 && errno == EACCES)
    return trouble(Kind::refused, fmt::format("{}: you may not reach this state directory", state.path));
  return state;
}

std::vector<std::string> default_places() {
  std::vector<std::string> places;
  if (const char* given = std::getenv("NOTAUS_STATE"); given != nullptr && given[0] != '\0') places.emplace_back(given);
  places.emplace_back(kSystemState);
  places.push_back(home() + "/.local/state/notaus");
  return places;
}

bool exists(const StateDir& state) { return access(state.durable().c_str(), F_OK) == 0; }

Result<> make_directories(const StateDir& state) {
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(state.path).parent_path(), error);
  if (auto made = make_directory(state.path, 0755, gid_t(-1)); !made) return made;
  if (is_system(state)) {
    if (auto made = make_directory("/run/notaus", 0755, gid_t(-1)); !made) return made;
    if (symlink("/run/notaus", state.file("live").c_str()) != 0 && errno != EEXIST)
      return std::unexpected(os_trouble(state.file("live"), errno));
  } else if (auto made = make_directory(state.file("live"), 0755, gid_t(-1)); !made) {
    return made;
  }
  gid_t group = points_group(state);
  unsigned shared = group != gid_t(-1) ? 03770 : 0700;
  if (auto made = make_directory(state.slots(), shared, group); !made) return made;
  if (auto made = make_directory(state.spool(), shared, group); !made) return made;
  if (auto made = make_directory(state.keys(), shared, group); !made) return made;
  return make_directory(state.log(), 0700, gid_t(-1));
}

namespace {

bool set_lock(int fd, short type) {
  struct flock whole{};
  whole.l_type = type;
  return fcntl(fd, F_OFD_SETLK, &whole) == 0;
}

template <class Fill>
Result<Fd> make_filled(const std::string& path, unsigned mode, Lock lock, Fill fill) {
  // Under a name nobody looks for, since not every file system has O_TMPFILE; link() then refuses to replace anything. Locked before
  // it has a byte: see remove_drafts().
  std::string draft = fmt::format("{}/.{}", std::filesystem::path(path).parent_path().string(), new_id());
  auto fd = open_file(draft, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  if (!fd) return fd;
  auto give_up = [&](Trouble why) {
    unlink(draft.c_str());
    return std::unexpected(std::move(why));
  };
  if (!set_lock(fd->get(), F_WRLCK)) return give_up(os_trouble(path, errno));
  if (Result<> filled = fill(fd->get()); !filled) return give_up(filled.error().in(path));
  if (fchmod(fd->get(), mode) != 0) return give_up(os_trouble(path, errno));
  if (link(draft.c_str(), path.c_str()) != 0)
    return give_up(errno == EEXIST ? Trouble{Kind::refused, path + ": exists"} : os_trouble(path, errno));
  unlink(draft.c_str());
  if (lock == Lock::none) (void)set_lock(fd->get(), F_UNLCK);
  return fd;
}

// A file with a byte and without an owner: who made it locked it before it wrote.
bool forsaken(const std::string& draft) {
  auto fd = open_file(draft, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  struct stat file{};
  return fd && fstat(fd->get(), &file) == 0 && S_ISREG(file.st_mode) && file.st_size > 0 && !owned(fd->get());
}

}  // namespace

Result<Fd> make_file(const std::string& path, std::size_t size, unsigned mode, Lock lock) {
  return make_filled(path, mode, lock, [&](int fd) { return fill_with_zeros(fd, size); });
}

Result<Fd> make_file(const std::string& path, std::string_view content, unsigned mode) {
  return make_filled(path, mode, Lock::none, [&](int fd) { return write_at(fd, content.data(), content.size(), 0); });
}

void remove_drafts(const StateDir& state) {
  for (const std::string& directory : {state.slots(), state.spool()}) {
    std::error_code error;
    for (std::filesystem::directory_iterator file(directory, error), end; !error && file != end; file.increment(error))
      if (file->path().filename().string().starts_with('.') && forsaken(file->path())) unlink(file->path().c_str());
  }
}

bool owned(int fd) {
  struct flock whole{};
  whole.l_type = F_RDLCK;
  return fcntl(fd, F_OFD_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
}

std::uint64_t time_namespace() {
  struct stat seen{};
  return stat("/proc/self/ns/time", &seen) == 0 ? seen.st_ino : 0;
}

}  // namespace notaus::page
