// Every client that others wrote with every server that others wrote. The world outside is the truth.
import { describe, test } from "node:test";

import { clients } from "./clients.mjs";
import { pairs, through } from "./pair.mjs";
import { servers } from "./servers.mjs";

describe("pairs", { concurrency: 2 }, () => {
  for (const { name, client, server } of pairs(clients, servers)) test(name, (t) => through(t, server, client));
});
