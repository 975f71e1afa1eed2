// net/pool.h: connections of one loop to one origin server, kept alive between requests.
#pragma once

#include <memory>
#include <vector>

#include "net/address.h"
#include "net/reader.h"

namespace notaus::net {

// One connection to an origin, on its way through requests and responses.
struct Link {
  explicit Link(Stream to) : stream(std::move(to)), reader(stream, Side::response) {}

  Stream stream;
  Reader reader;
  BootTime idle_since = {};
  bool used = false;  // an exchange has passed over it before
};

class Pool final : public Timed {
 public:
  Pool(Loop& loop, Origin origin, std::shared_ptr<const Tls> tls = nullptr);

  // One that is idle and not known to be dead; nullptr: there is none.
  std::unique_ptr<Link> idle();

  // A new one. gone: the origin cannot be reached, or not in time.
  Task<Result<std::unique_ptr<Link>>> connect();

  // After a whole response that leaves it usable; anything else is simply dropped.
  void give_back(std::unique_ptr<Link> link);

  [[nodiscard]] const Origin& origin() const { return origin_; }

  void tick(BootTime now) override;

 private:
  static constexpr std::size_t kMostIdle = 64;
  // Below the 5 s after which Node and uvicorn close: a request that meets the close may have been executed and cannot be sent again.
  static constexpr std::int64_t kIdleNs = 4'000'000'000;
  static constexpr std::int64_t kConnectNs = 5'000'000'000;

  Loop& loop_;
  const Origin origin_;
  const std::shared_ptr<const Tls> tls_;
  std::vector<std::unique_ptr<Link>> idle_;  // the one used last is used next
};

}  // namespace notaus::net
