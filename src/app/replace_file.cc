#include "app/replace_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "base/fd.h"
#include "base/id.h"

namespace notaus::app {
namespace {

Result<> fill(const Fd& file, const std::string& path, const struct stat& model, std::string_view text) {
  // The owner first: chown takes away set-id bits. Whoever may not give files away owns it himself, as after any editor.
  [[maybe_unused]] int owned = fchown(file.get(), model.st_uid, model.st_gid);
  if (fchmod(file.get(), model.st_mode & 07777) != 0) return std::unexpected(os_trouble(path, errno));
  if (auto written = write_all(file.get(), text); !written) return std::unexpected(written.error().in(path));
  return fsync(file.get()) == 0 ? Result<>() : std::unexpected(os_trouble(path, errno));
}

}  // namespace

Result<> write_beside(const std::string& model, const std::string& path, std::string_view text) {
  struct stat like{};
  if (stat(model.c_str(), &like) != 0) return std::unexpected(os_trouble(model, errno));
  auto file = open_file(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  if (!file && errno == EEXIST) return trouble(Kind::refused, path + " is there already");
  if (!file) return std::unexpected(file.error());
  auto filled = fill(*file, path, like, text);
  if (!filled) unlink(path.c_str());
  return filled;
}

Result<> replace_file(const std::string& path, std::string_view now, std::string_view next) {
  std::error_code error;
  const std::string target = std::filesystem::canonical(path, error).string();
  if (error) return std::unexpected(os_trouble(path, error.value()));
  const std::string fresh = target + "." + new_id();
  if (auto written = write_beside(target, fresh, next); !written) return written;
  auto seen = read_file(target);  // a client may have written it meanwhile
  Result<> done;
  if (!seen || *seen != now)
    done = trouble(Kind::retry, path + " was changed by another program just now; nothing was changed, try again");
  else if (rename(fresh.c_str(), target.c_str()) != 0)
    done = std::unexpected(os_trouble(path, errno));
  if (!done) unlink(fresh.c_str());
  return done;
}

}  // namespace notaus::app
