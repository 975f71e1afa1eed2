#include "audit/life.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include <fmt/format.h>

#include "base/fd.h"
#include "base/id.h"

namespace notaus::audit {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kEnded = "ended-";
constexpr const char* kParts[] = {"checkpoint", "vkey", "tile", "wal", "index"};

// A note's name has no space and no plus; a host may be called anything.
std::string in_name(const std::string& text) {
  constexpr std::string_view kPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  std::string out;
  for (char c : text)
    out += kPlain.find(c) != kPlain.npos ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  return out;
}

std::string origin(const Place& place) {
  return fmt::format("{}/{}/{}", place.fleet.empty() ? "notaus" : in_name(place.fleet), in_name(place.host), new_epoch());
}

Result<Signer> make_signer(const Place& place) {
  auto key = make_signing_key();
  if (!key) return std::unexpected(key.error());
  Signer out{origin(place), *key};
  if (auto kept = put_file(place.directory + "/key", out.text() + "\n", Keep::durable); !kept) return std::unexpected(kept.error());
  return out;
}

Result<Signer> load_signer(const std::string& path) {
  auto text = read_file(path);
  if (!text) return std::unexpected(text.error());
  if (!text->ends_with('\n')) return trouble(Kind::broken, path + ": cut off");
  text->pop_back();
  auto signer = parse_signer(*text);
  return signer ? signer : std::unexpected(signer.error().in(path));
}

}  // namespace

Result<> put_file(const std::string& path, std::string_view bytes, Keep keep) {
  const std::string draft = path + ".new";
  auto fd = open_file(draft, O_WRONLY | O_CREAT | O_TRUNC, path.ends_with("/key") ? 0600 : 0640);
  if (!fd) return std::unexpected(fd.error());
  if (auto wrote = write_all(fd->get(), bytes); !wrote) return std::unexpected(wrote.error().in(draft));
  if (keep == Keep::durable && fsync(fd->get()) != 0) return std::unexpected(os_trouble(draft, errno));
  if (rename(draft.c_str(), path.c_str()) != 0) return std::unexpected(os_trouble(path, errno));
  return {};
}

Result<Signer> begin_life(const Place& place) {
  const std::string wal = place.directory + "/wal", vkey = place.directory + "/vkey";
  if (mkdir(wal.c_str(), 0750) != 0 && errno != EEXIST) return std::unexpected(os_trouble(wal, errno));
  auto signer = load_signer(place.directory + "/key");
  if (!signer && signer.error().kind == Kind::gone) signer = make_signer(place);
  if (!signer) return signer;
  const std::string text = signer->verifier().vkey() + "\n";
  if (read_file(vkey).value_or("") != text)
    if (auto put = put_file(vkey, text, Keep::durable); !put) return std::unexpected(put.error());
  return signer;
}

bool any_life(const std::string& directory) {
  std::error_code error;
  return fs::exists(directory + "/checkpoint", error) || fs::exists(directory + "/tile", error) ||
         (fs::is_directory(directory + "/wal", error) && !fs::is_empty(directory + "/wal", error));
}

bool any_ended(const std::string& directory) {
  std::error_code error;
  return std::ranges::any_of(fs::directory_iterator(directory, error),
                             [](const auto& file) { return file.path().filename().string().starts_with(kEnded); });
}

// The key first: what is left of a log without it cannot be taken for one that goes on.
Result<> end_life(const std::string& directory) {
  if (unlink((directory + "/key").c_str()) != 0 && errno != ENOENT) return std::unexpected(os_trouble(directory + "/key", errno));
  const std::string aside = fmt::format("{}/{}{}", directory, kEnded, new_id());
  if (mkdir(aside.c_str(), 0750) != 0) return std::unexpected(os_trouble(aside, errno));
  for (const char* part : kParts)
    if (rename((directory + "/" + part).c_str(), (aside + "/" + part).c_str()) != 0 && errno != ENOENT)
      return std::unexpected(os_trouble(directory + "/" + part, errno));
  return {};
}

}  // namespace notaus::audit
