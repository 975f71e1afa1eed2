// A client that others wrote drives a server that others wrote, through `notaus mcp`. The files on disk are the truth.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { fileURLToPath } from "node:url";

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";

const here = fileURLToPath(new URL(".", import.meta.url));
const notaus = join(process.env.NOTAUS_BUILD, "notaus");
const server = join(here, "node_modules/@modelcontextprotocol/server-filesystem/dist/index.js");
const recorder = join(here, "recorder.mjs");
const CONFIG = "tools:\n  write_file: write\n  read_text_file: read\n  list_directory: read\n";

let world, state, files, clients;

beforeEach(() => {
  world = realpathSync(mkdtempSync(join(tmpdir(), "notaus-real-")));
  state = join(world, "state");
  files = join(world, "files");
  mkdirSync(files);
  mkdirSync(state);
  writeFileSync(join(state, "notaus.yaml"), CONFIG);
  operator("init");
  clients = [];
});

afterEach(async () => {
  for (const client of clients) await client.close();
  rmSync(world, { recursive: true, force: true });
});

// What an operator types in another terminal; throws unless it exits 0.
function operator(...words) {
  return execFileSync(notaus, [...words, "--state", state], { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
}

const wrapped = (tenant, ...command) => [notaus, "mcp", "--state", state, "--tenant", tenant, "--agent", "writer", "--", ...command];
const filesystem = () => [process.execPath, server, files];
const recorded = (name, ...command) => [process.execPath, recorder, join(world, name), "--", ...command];

async function connect([command, ...args]) {
  const client = new Client({ name: "real", version: "1" });
  clients.push(client);
  await client.connect(new StdioClientTransport({ command, args, stderr: "ignore" }));
  return client;
}

const write = (client, name, content) =>
  client.callTool({ name: "write_file", arguments: { path: join(files, name), content } });
const read = (client, name) => client.callTool({ name: "read_text_file", arguments: { path: join(files, name) } });
const on_disk = (name) => (existsSync(join(files, name)) ? readFileSync(join(files, name), "utf8") : null);

// What the client's user is shown: the reason alone on the first line.
function assert_denied(result, reason) {
  assert.equal(result.isError, true);
  assert.equal(result.content[0].text.split("\n")[0], reason);
  assert.match(result.content[0].text, /not executed/i);
}

test("a stopped tenant's file does not appear on the disk, another's does", async () => {
  const acme = await connect(wrapped("acme", ...filesystem()));
  const globex = await connect(wrapped("globex", ...filesystem()));
  assert.ok(!(await write(acme, "before", "1")).isError);
  assert.equal(on_disk("before"), "1");

  operator("stop", "--tenant", "acme", "--reason", "real parts");
  assert_denied(await write(acme, "during", "2"), "killed: writes_disabled:write_file");
  assert.equal(on_disk("during"), null);
  assert.ok(!(await write(globex, "other", "3")).isError);
  assert.equal(on_disk("other"), "3");

  operator("resume", "--tenant", "acme", "--reason", "over");
  assert.ok(!(await write(acme, "after", "4")).isError);
  assert.equal(on_disk("after"), "4");
});

test("approved reads go on under disable_writes, stop under stop_all and come back", async () => {
  const client = await connect(wrapped("acme", ...filesystem()));
  await write(client, "file", "content");
  operator("stop", "--tenant", "acme", "--reason", "real parts");
  assert.equal((await read(client, "file")).content[0].text, "content");
  // the server says readOnlyHint, but nobody approved it
  const unapproved = await client.callTool({ name: "get_file_info", arguments: { path: join(files, "file") } });
  assert_denied(unapproved, "killed: writes_disabled:get_file_info");

  operator("stop", "--tenant", "acme", "--mode", "stop_all", "--reason", "worse");
  assert_denied(await read(client, "file"), "killed: stop_all");
  assert.ok((await client.listTools()).tools.length > 5);
  await client.ping();

  for (const stop of JSON.parse(operator("status", "--json")).stops) operator("resume", stop.id, "--reason", "over");
  assert.equal((await read(client, "file")).content[0].text, "content");
  assert.ok(!(await write(client, "file", "more")).isError);
  assert.equal(on_disk("file"), "more");
});

test("a client that starts while its tenant is stopped gets its session and its tools", async () => {
  const first = await connect(wrapped("acme", ...filesystem()));
  assert.ok(!(await write(first, "file", "1")).isError);
  operator("stop", "--tenant", "acme", "--mode", "stop_all", "--reason", "real parts");
  const client = await connect(wrapped("acme", ...filesystem()));
  assert.ok((await client.listTools()).tools.some((tool) => tool.name === "write_file"));
  assert_denied(await write(client, "file", "2"), "killed: stop_all");
  assert.equal(on_disk("file"), "1");
});

// One conversation, with everything a JSON writer may do to a text.
async function converse(client) {
  await client.listTools();
  await write(client, "bytes", 'üñí \u2028 \u0000 "quoted" \\ 1e400 \n');
  await read(client, "bytes");
  await client.callTool({ name: "list_directory", arguments: { path: files } });
  await client.ping();
  await client.close();
}

test("allowed traffic passes byte for byte, both ways", async () => {
  await converse(await connect(recorded("direct", ...filesystem())));
  await converse(await connect(recorded("outside", ...wrapped("acme", ...recorded("inside", ...filesystem())))));
  for (const way of ["in", "out"]) {
    const [direct, outside, inside] = ["direct", "outside", "inside"].map((where) => readFileSync(join(world, `${where}.${way}`)));
    assert.ok(outside.length > 500, `${way}: something was said`);
    assert.ok(outside.equals(inside), `${way}: the wrapper changed bytes`);
    assert.ok(outside.equals(direct), `${way}: the wrapper changed the conversation`);
  }
});

test("the wrapped server is gone when its client is", async () => {
  const client = await connect(wrapped("acme", ...filesystem()));
  assert.ok(!(await write(client, "file", "1")).isError);
  await client.close();
  const left = spawnSync("pgrep", ["-f", files], { encoding: "utf8" }).stdout;
  assert.equal(left, "");
});
