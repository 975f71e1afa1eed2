// One client and one server, with Notaus between them: nothing stopped, writes stopped, all stopped, resumed, closed.
import assert from "node:assert/strict";

import { assert_denied } from "./seen.mjs";
import { World } from "./world.mjs";

// Every client with every server; those that are slow on both sides only in `make soak`.
export function pairs(clients, servers) {
  const all = servers.flatMap((server) => clients.map((client) => ({ client, server, name: `${client.name} × ${server.name}` })));
  return process.env.REAL_PARTS === "all" ? all : all.filter(({ client, server }) => !(client.slow && server.slow));
}

// One server's tools as one session sees them; `place` keeps its effects apart from another's.
class Use {
  constructor(world, server, place, session) {
    Object.assign(this, { world, server, place, session });
  }
  write(name) {
    return this.session.call(...this.server.write(this.world, this.place, name));
  }
  read(name) {
    return this.session.call(...this.server.read(this.world, this.place, name));
  }
  happened(name) {
    return this.server.happened(this.world, this.place, name);
  }
  // What was said, without where it was said.
  plain(result) {
    return JSON.parse(JSON.stringify(result).replaceAll(`/${this.place}`, "/PLACE"));
  }
}

const started = async (world, server, client, place, wrap) =>
  new Use(world, server, place, await client.connect(world, wrap(server.start(world, place))));

// The negative control, and more: with nothing stopped, all is as if the wrapper were not there.
async function nothing_changes(world, server, client, wrapped) {
  const direct = await started(world, server, client, "direct", (start) => start);
  assert.deepEqual(await wrapped.session.tools(), await direct.session.tools());
  for (const act of ["write", "read"])
    assert.deepEqual(wrapped.plain(await wrapped[act]("before")), direct.plain(await direct[act]("before")), act);
  assert.ok(direct.happened("before"));
  await direct.session.close();
}

async function goes_on(world, wrapped) {
  assert_denied(await wrapped.write("all-stopped"), "killed: stop_all");
  assert.ok(!wrapped.happened("all-stopped"));
  await world.resume();
  assert.ok(!(await wrapped.write("after")).isError, "in the same session");
  assert.ok(wrapped.happened("after"));
}

export async function through(t, server, client) {
  const world = await World.open(t, server.catalogue);
  const wrapped = await started(world, server, client, "wrapped", (start) => world.wrap(start));
  const [write, read] = [server.write(world, "", "")[0], server.read(world, "", "")[0]];
  if (client.each_call_a_process) await wrapped.write("before");
  else await nothing_changes(world, server, client, wrapped);
  assert.ok(wrapped.happened("before"));

  await world.stop("--tenant", "acme");
  assert_denied(await wrapped.write("writes-stopped"), `killed: writes_disabled:${write}`);
  assert.ok(!wrapped.happened("writes-stopped"));
  assert.ok(!(await wrapped.read("before")).isError, `${read} was approved as a read`);

  await world.stop("--tenant", "acme", "--mode", "stop_all");
  assert_denied(await wrapped.read("before"), "killed: stop_all");
  assert.ok((await wrapped.session.tools()).includes(write), "a denied tool is not hidden");
  await wrapped.session.ping?.();

  if (!client.each_call_a_process) await goes_on(world, wrapped);
  await wrapped.session.close();
  await world.until(() => world.processes().length === 0, "the end of every process");
}
