// gate/site.h: one policy with the connections of one loop that belong to it.
#pragma once

#include <memory>
#include <vector>

#include "gate/policy.h"
#include "net/pool.h"

namespace notaus::gate {

struct Site {
  Site(net::Loop& loop, std::shared_ptr<const Policy> which) : policy(std::move(which)) {
    for (const Upstream& upstream : policy->upstreams)
      pools.push_back(std::make_unique<net::Pool>(loop, upstream.origin, upstream.tls));
  }

  std::shared_ptr<const Policy> policy;
  std::vector<std::unique_ptr<net::Pool>> pools;
};

}  // namespace notaus::gate
