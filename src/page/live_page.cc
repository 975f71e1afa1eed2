#include "page/live_page.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "base/boot.h"

namespace notaus::page {
namespace {

std::unexpected<PageTrouble> deny(Why why, std::string what) { return std::unexpected(PageTrouble{why, std::move(what)}); }

std::string remedy(const StateDir& state) { return fmt::format("run `notaus status --state {}` to rebuild it", state.path); }

std::expected<void, PageTrouble> check_file(const StateDir& state, const struct stat& file) {
  struct stat directory{};
  if (stat(state.path.c_str(), &directory) != 0) return deny(Why::page_missing, os_trouble(state.path, errno).what);
  if (!S_ISREG(file.st_mode) || file.st_uid != directory.st_uid || (file.st_mode & 022) != 0)
    return deny(Why::page_owner, fmt::format("{} is not a file that only the owner of {} may write", state.page(), state.path));
  if (file.st_size != off_t{kPageSize})
    return deny(Why::page_version,
                fmt::format("{} has {} bytes, a page of this version has {}", state.page(), file.st_size, kPageSize));
  return {};
}

std::expected<void, PageTrouble> check_head(const StateDir& state, const PageHead& head) {
  if (head.magic != kPageMagic) return deny(Why::page_torn, fmt::format("{} is no live page; {}", state.page(), remedy(state)));
  if (head.version != kPageVersion || head.half_size != kHalfSize)
    return deny(Why::page_version,
                fmt::format("{} is of version {}, this program reads version {}", state.page(), head.version, kPageVersion));
  if (std::string_view(head.boot_id, strnlen(head.boot_id, sizeof head.boot_id)) != boot_id())
    return deny(Why::page_missing, fmt::format("{} was made before this machine's last boot; {}", state.page(), remedy(state)));
  return {};
}

}  // namespace

std::expected<LivePage, PageTrouble> LivePage::open(const StateDir& state, const std::string& path, Access access) {
  auto fd = open_file(path, (access == Access::write ? O_RDWR : O_RDONLY) | O_NOFOLLOW | O_NONBLOCK);
  if (!fd) return deny(Why::page_missing, fmt::format("no live page: {}; {}", fd.error().what, remedy(state)));
  struct stat file{};
  if (fstat(fd->get(), &file) != 0) return deny(Why::page_missing, os_trouble(state.page(), errno).what);
  if (auto fine = check_file(state, file); !fine) return std::unexpected(fine.error());
  int protection = access == Access::write ? PROT_READ | PROT_WRITE : PROT_READ;
  void* base = mmap(nullptr, kPageSize, protection, MAP_SHARED, fd->get(), 0);
  if (base == MAP_FAILED) return deny(Why::page_missing, os_trouble(state.page(), errno).what);
  LivePage page(static_cast<std::byte*>(base), file.st_dev, file.st_ino);
  // What is touched stays, so that a frozen or busy disk does not stand between a call and its verdict. May be refused: no matter.
  (void)mlock2(base, kPageSize, MLOCK_ONFAULT);
  if (auto fine = check_head(state, page.head()); !fine) return std::unexpected(fine.error());
  return page;
}

LivePage::~LivePage() {
  if (base_ != nullptr) munmap(base_, kPageSize);
}

Result<core::Snapshot> LivePage::verify(std::uint64_t word) const {
  const std::byte* half = base_ + half_at(word);
  if (word == 0) return trouble(Kind::gone, "nothing was published on this page yet");
  if (reinterpret_cast<const HalfHead*>(half)->sequence.load(std::memory_order_relaxed) != word)
    return trouble(Kind::broken, "the page's half is not the one its word names");
  return core::Snapshot::open(Bytes(half + kHalfHead, kImageMax));
}

core::Snapshot LivePage::trust(std::uint64_t word) const {
  return core::Snapshot::trust(Bytes(base_ + half_at(word) + kHalfHead, kImageMax));
}

bool LivePage::shows(std::uint64_t word) const {
  std::atomic_thread_fence(std::memory_order_acquire);  // with that of write_image(): who read a later half sees a later word
  return head().word.load() == word;
}

void LivePage::abandon() {
  // If it fails, the file stays mapped and its word stays what it was; the caller has detached from it all the same. Whoever reads there
  // meanwhile finds the one or the other; the system call itself, since ThreadSanitizer takes mmap() for a write.
  (void)syscall(SYS_mmap, base_, kPageSize, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, off_t{0});
}

bool LivePage::in_place(const StateDir& state) const {
  struct stat file{};
  return stat(state.page().c_str(), &file) == 0 && file.st_dev == device_ && file.st_ino == inode_;
}

}  // namespace notaus::page
