// gate/mcp_aside.h: a message of ours to an HTTP upstream that no request of the client carries: a cancellation, a question about a task.
#pragma once

#include <memory>
#include <string>

#include "gate/dialogue.h"
#include "gate/onward.h"
#include "net/pool.h"

namespace notaus::gate {

// Sends it as the client of this dialogue would, and hears what is answered. `alive` holds what the other arguments refer to.
net::Task<> say_aside(net::Loop& loop, std::shared_ptr<const void> alive, net::Pool& pool, const Upstream& upstream,
                      std::shared_ptr<Dialogue> dialogue, std::string line);

}  // namespace notaus::gate
