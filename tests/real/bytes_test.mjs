// The wrapper adds nothing and takes nothing: a whole session with each server, byte for byte, and the way it ends.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, test } from "node:test";

import { sdk } from "./clients.mjs";
import { everything, filesystem, memory, playwright, servers } from "./servers.mjs";
import { World } from "./world.mjs";

// With everything a JSON writer may do to a text.
const NASTY = 'üñí \u2028 \u0000 "quoted" \\ 1e400 \ud83d\ude00 \n';

const more = {
  [filesystem.name]: (world, place) => [
    ["write_file", { path: `${world.dir}/${place}/nasty`, content: NASTY }],
    ["read_text_file", { path: `${world.dir}/${place}/nasty` }],
    ["list_directory", { path: `${world.dir}/${place}` }],
    ["read_text_file", { path: "/outside" }],
  ],
  [memory.name]: () => [["search_nodes", { query: NASTY }], ["delete_entities", { entityNames: ["of", NASTY] }]],
  [everything.name]: () => [["echo", { message: NASTY }], ["get-tiny-image", {}], ["no-such-tool", {}]],
  [playwright.name]: () => [["browser_evaluate", { function: `() => ${JSON.stringify(NASTY)}` }], ["browser_console_messages", { level: "info" }]],
};

// The same place for all, one after the other: nothing that is said depends on who says it.
async function converse(world, server, start) {
  const { client } = await sdk.connect(world, start);
  await client.listTools();
  for (const [name, given] of [server.write(world, "place", "one"), server.read(world, "place", "one"), ...more[server.name](world, "place")])
    await client.callTool({ name, arguments: given });
  await client.ping();
  await client.close();
}

async function unchanged(t, server) {
  const world = await World.open(t);
  const start = () => server.start(world, "place");
  await converse(world, server, world.record("direct", start()));
  world.empty("place");
  await converse(world, server, world.record("outside", world.wrap(world.record("inside", start()))));
  for (const way of ["in", "out"]) {
    const [direct, outside, inside] = ["direct", "outside", "inside"].map((where) => world.recorded(where, way));
    assert.ok(outside.length > 500, `${way}: something was said`);
    assert.ok(outside.equals(inside), `${way}: the wrapper changed bytes`);
    assert.equal(lasting(outside), lasting(direct), `${way}: the wrapper changed the conversation`);
  }
}

// Browsers name what they keep after the time of day.
const lasting = (bytes) => bytes.toString().replaceAll(/\d{4}-\d\d-\d\dT[\d-]+Z/g, "TIME");

const HELLO = {
  jsonrpc: "2.0", id: 1, method: "initialize",
  params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "real", version: "1" } },
};

// Of a server whose client says hello and, when that is answered, goes.
async function exit_status(world, { command: [command, ...args], env }) {
  const child = spawn(command, args, { env: { ...process.env, ...env, ...world.mark }, stdio: ["pipe", "pipe", "ignore"] });
  child.stdin.on("error", () => {});
  child.stdin.write(`${JSON.stringify(HELLO)}\n`);
  child.stdout.once("data", () => child.stdin.end());
  const [code] = await once(child, "exit");
  return code;
}

describe("bytes", { concurrency: 2 }, () => {
  for (const server of servers) test(`${server.name}: nothing is changed`, (t) => unchanged(t, server));
  for (const server of servers)
    test(`${server.name}: ends as without the wrapper`, async (t) => {
      const world = await World.open(t);
      const [direct, wrapped] = [server.start(world, "direct"), world.wrap(server.start(world, "wrapped"))];
      assert.equal(await exit_status(world, wrapped), await exit_status(world, direct));
    });
  test("a server that cannot start is reported with its own status", async (t) => {
    const world = await World.open(t);
    const [script] = filesystem.start(world, "place").command.slice(1);
    const broken = { command: [process.execPath, script, "/no/such/directory"] };
    const [direct, wrapped] = [await exit_status(world, broken), await exit_status(world, world.wrap(broken))];
    assert.notEqual(direct, 0);
    assert.equal(wrapped, direct);
  });
  test("a client that is killed leaves no browser", async (t) => {
    const world = await World.open(t);
    const { client, call } = await sdk.connect(world, world.wrap(world.record("server", playwright.start(world, "place"))));
    await call("browser_navigate", { url: world.url("page") });
    assert.ok(world.processes().length > 4, "the wrapper, the recorder, the server and a browser");
    process.kill(client.transport.pid, "SIGKILL");
    await world.until(() => world.processes().length === 0, "the end of every process");
  });
});
