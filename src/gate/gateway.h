// gate/gateway.h: all fronts, each on a thread of its own.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <notaus/guard.hpp>

#include "base/result.h"
#include "gate/heir.h"
#include "gate/policy.h"
#include "net/limits.h"

namespace notaus::gate {

struct GatewayOptions {
  std::string state;
  std::string listen;
  std::size_t threads = 1;
  net::Limits limits = {};  // of all of them together
  const Heir* heir = nullptr;  // ends the servers that are commands, should we be killed; outlives the gateway
};

class Gateway {
 public:
  static Result<std::unique_ptr<Gateway>> start(const GatewayOptions& options, const std::shared_ptr<const Policy>& policy);
  Gateway();
  ~Gateway();  // severs what is still under way

  void reload(const std::shared_ptr<const Policy>& policy);

  // Takes nothing new; what is under way has until then.
  void wind_up(std::chrono::milliseconds at_most);

  [[nodiscard]] const std::string& address() const { return address_; }
  [[nodiscard]] std::string trouble() const;  // of its guards; empty: none

 private:
  struct Lane;
  struct Mcp;
  void lead();

  std::string address_;
  std::optional<Guard> asked_;  // these outlive the lanes
  std::unique_ptr<Mcp> mcp_;
  std::vector<std::unique_ptr<Lane>> lanes_;
};

}  // namespace notaus::gate
