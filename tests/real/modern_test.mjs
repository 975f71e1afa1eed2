// The revision of 2026-07-28: no handshake, no sessions, tasks as an extension.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";

import { client2, inspectorCli, python2 } from "./clients.mjs";
import { pairs, through } from "./pair.mjs";
import { assert_denied } from "./seen.mjs";
import { modern } from "./servers.mjs";
import { World } from "./world.mjs";

// It is asked for, and no ping: the revision has none.
const asks_for_it = (client, options) => ({
  ...client,
  connect: async (world, start) => Object.assign(await client.connect(world, start, options), { ping: undefined }),
});

const clients = [
  asks_for_it(client2, { versionNegotiation: { mode: { pin: "2026-07-28" } } }),
  asks_for_it(python2),
  asks_for_it(inspectorCli, ["--protocol-era", "modern"]),
];

async function task(t) {
  const world = await World.open(t, modern.catalogue);
  const session = await python2.connect(world, world.wrap(world.record("server", modern.start(world, "place"))));
  assert.equal(await session.ask("version"), "2026-07-28");
  const report = session.call("report", { until: "over" });
  await world.until(() => world.recorded("server", "out").includes('"resultType":"task"'), "the handle of a task");

  const stop = JSON.parse(await world.stop("--tenant", "acme", "--mode", "stop_all", "--json"));
  assert.deepEqual(stop.in_flight.map(({ tool, outcome }) => [tool, outcome]), [["report", "running"]]);
  assert_denied(await session.call("report", { until: "never" }), "killed: stop_all");
  writeFileSync(join(world.dir, "place/over"), "");
  assert.equal((await report).content[0].text, "reported");
  assert.equal(await world.outcome(stop), "done");
}

describe("2026-07-28", { concurrency: 2 }, () => {
  for (const { name, client, server } of pairs(clients, [modern])) test(name, (t) => through(t, server, client));
  test("python 2.x: a task is in flight until it ends", task);
});
