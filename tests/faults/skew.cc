// A wall clock that is wrong, preloaded into a process: NOTAUS_SKEW_S seconds ahead, or behind if there is a minus. The clocks that count
// since boot go on as they are. What files say of when they were written is as wrong, as if that clock had written it.
//
// libfaketime does more, and leaves a file in /dev/shm for each process that is killed: the next of that number does not start.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>

namespace {

const std::time_t skew = [] {
  const char* seconds = std::getenv("NOTAUS_SKEW_S");
  return seconds != nullptr ? std::strtol(seconds, nullptr, 10) : 0;
}();

int look(int directory, const char* path, struct stat* out, int flags) {
  const long failed = syscall(SYS_newfstatat, directory, path, out, flags);
  if (failed == 0) out->st_mtim.tv_sec += skew;
  return static_cast<int>(failed);
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* out) noexcept {
  const long failed = syscall(SYS_clock_gettime, clock, out);
  if (failed == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) out->tv_sec += skew;
  return static_cast<int>(failed);
}

int gettimeofday(timeval* out, void*) noexcept {
  timespec now{};
  const int failed = clock_gettime(CLOCK_REALTIME, &now);
  *out = {now.tv_sec, now.tv_nsec / 1000};
  return failed;
}

std::time_t time(std::time_t* out) noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  if (out != nullptr) *out = now.tv_sec;
  return now.tv_sec;
}

int stat(const char* path, struct stat* out) noexcept { return look(AT_FDCWD, path, out, 0); }
int lstat(const char* path, struct stat* out) noexcept { return look(AT_FDCWD, path, out, AT_SYMLINK_NOFOLLOW); }
int fstat(int fd, struct stat* out) noexcept { return look(fd, "", out, AT_EMPTY_PATH); }
int fstatat(int directory, const char* path, struct stat* out, int flags) noexcept { return look(directory, path, out, flags); }
}
