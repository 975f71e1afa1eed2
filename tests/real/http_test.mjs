// Clients that others wrote, over HTTP: with nothing stopped all is as without the gate, and what is stopped shows its user the reason.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { Client as NewClient, StreamableHTTPClientTransport as NewHttp } from "@modelcontextprotocol/client";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

import { behind_the_gate } from "./behind_the_gate.mjs";
import { assert_denied, assert_refused } from "./seen.mjs";

const INFO = { name: "real", version: "1" };
const pinned = { versionNegotiation: { mode: { pin: "2026-07-28" } } };

const clients = {
  "sdk 1.x": (url) => ({ client: new Client(INFO), transport: new StreamableHTTPClientTransport(url) }),
  "client 2.x": (url) => ({ client: new NewClient(INFO), transport: new NewHttp(url) }),
  "client 2.x, 2026-07-28": (url) => ({ client: new NewClient(INFO, pinned), transport: new NewHttp(url) }),
};

async function connected(world, make, url) {
  const { client, transport } = make(new URL(url));
  world.clients.push(client);
  await client.connect(transport);
  return client;
}

const call = (client, name) => client.callTool({ name, arguments: {} });
const counted = async (client) => Number((await call(client, "count_up")).content[0].text);

async function through(t, make) {
  const { world, url, gate } = await behind_the_gate(t, { test_tool_with_progress: "read" });
  const direct = await connected(world, make, url), client = await connected(world, make, gate);
  assert.deepEqual(await client.listTools(), await direct.listTools());
  assert.deepEqual(await call(client, "test_multiple_content_types"), await call(direct, "test_multiple_content_types"));
  assert.equal(await counted(client), 1);

  await world.stop("--tenant", "acme");
  assert_denied(await call(client, "count_up"), "killed: writes_disabled:count_up");
  assert.ok(!(await call(client, "test_tool_with_progress")).isError, "a read");
  await world.stop("--global", "--mode", "stop_all");
  assert_denied(await call(client, "test_tool_with_progress"), "killed: stop_all");
  await assert_refused(client.getPrompt({ name: "test_simple_prompt" }), "killed: stop_all");
  assert.ok((await client.listTools()).tools.length > 0, "lists pass");
  const late = await connected(world, make, gate);
  assert_denied(await call(late, "count_up"), "killed: stop_all");

  await world.resume();
  assert.equal(await counted(client), 2, "what was denied did not run");
}

describe("over HTTP", { concurrency: 2 }, () => {
  for (const [name, make] of Object.entries(clients)) test(name, (t) => through(t, make));
});
