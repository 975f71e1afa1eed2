// What a framework tells its model of a call through the gate: with nothing stopped, what the tool said; of a stopped one, the reason.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { behind_the_gate } from "./behind_the_gate.mjs";
import { frameworks } from "./frameworks.mjs";

const READ = "test_simple_text";

async function connected(world, framework, url) {
  const session = await framework.connect(url);
  world.clients.push(session);
  return session;
}

function assert_told(told, { before = () => "" }, tool, reason) {
  const [first, second] = told.split("\n");
  assert.equal(first, before(tool) + reason);
  assert.match(second, /^Not executed: an operator stopped this/);
  assert.match(told, /Do not retry/);
}

async function through(t, framework) {
  const { world, url, gate } = await behind_the_gate(t, { [READ]: "read" });
  const direct = await connected(world, framework, url), session = await connected(world, framework, gate);
  assert.deepEqual(await session.tools(), await direct.tools());
  assert.equal(await session.told("count_up"), "1");

  await world.stop("--tenant", "acme");
  assert_told(await session.told("count_up"), framework, "count_up", "killed: writes_disabled:count_up");
  assert.equal(await session.told(READ), "simple text", "a read");
  await world.stop("--global", "--mode", "stop_all");
  assert_told(await session.told(READ), framework, READ, "killed: stop_all");
  const late = await connected(world, framework, gate);
  assert.deepEqual(await late.tools(), await direct.tools(), "a denied tool is not hidden");
  assert_told(await late.told("count_up"), framework, "count_up", "killed: stop_all");

  await world.resume();
  assert.equal(await session.told("count_up"), "2", "what was denied did not run, and the session goes on");
}

describe("frameworks", { concurrency: 2 }, () => {
  for (const framework of frameworks) test(framework.name, (t) => through(t, framework));
});
