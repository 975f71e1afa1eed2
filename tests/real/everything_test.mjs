// Everything else the protocol has, and what a stop does to it: the reference server "everything" has it all.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { createTaskSessionFromClient, resultFromTaskOutcome } from "@modelcontextprotocol/ext-tasks/client";
import { CreateMessageRequestSchema, ElicitRequestSchema, ListRootsRequestSchema, ResourceUpdatedNotificationSchema }
  from "@modelcontextprotocol/sdk/types.js";

import { client2, sdk } from "./clients.mjs";
import { assert_denied, assert_refused } from "./seen.mjs";
import { everything } from "./servers.mjs";
import { World } from "./world.mjs";

const LONG = "trigger-long-running-operation";
const RESEARCH = "simulate-research-query";
const URI = "demo://resource/dynamic/text/1";

const open = (t) => World.open(t, { ...everything.catalogue, echo: "read" });
const connect = (client, world, options) => client.connect(world, world.wrap(everything.start(world)), options);

async function stopped(world, ...words) {
  return JSON.parse(await world.stop("--tenant", "acme", ...words, "--json"));
}

// A call that was under way goes on, is listed, and its answer is the true one; the next one is denied.
async function long_call(t, client) {
  const world = await open(t);
  const { call } = await connect(client, world);
  const progress = [];
  let halfway;
  const seen = new Promise((resolve) => (halfway = resolve));
  const onprogress = (step) => (progress.push(step.progress), halfway());
  const running = call(LONG, { duration: 1, steps: 4 }, { onprogress });
  await seen;

  const stop = await stopped(world);
  assert.deepEqual(stop.in_flight.map(({ tool, effect, outcome }) => [tool, effect, outcome]), [[LONG, "write", "running"]]);
  assert_denied(await call(LONG, { duration: 1, steps: 1 }), `killed: writes_disabled:${LONG}`);
  assert.match((await running).content[0].text, /completed\. Duration: 1 seconds, Steps: 4/);
  assert.deepEqual(progress.slice(0, 3), [1, 2, 3], "progress goes on after the stop");
  assert.equal(await world.outcome(stop), "done");
}

// Whatever the server asks of the client under stop_all is refused towards the server: no model is asked, no user, no file is named.
async function asked_back(t, client, register, method, answer, tool, given, said) {
  const world = await open(t);
  const asked = [];
  const options = { capabilities: { sampling: {}, elicitation: {} } };
  const { call, client: host } = await connect(client, world, options);
  let meanwhile = async () => {};
  register(host, method, async () => {
    asked.push(method);
    await meanwhile();
    return answer;
  });
  assert.match(JSON.stringify(await call(tool, given)), said, "nothing stopped: the answer reaches the server");
  assert.equal(asked.length, 1);

  meanwhile = () => world.stop("--tenant", "acme", "--mode", "stop_all");
  const result = await call(tool, given);
  assert.equal(result.isError, true);
  assert.match(result.content[0].text, /killed: stop_all/, "the server is told why");
  assert.doesNotMatch(JSON.stringify(result), said, "what the user said is withheld");
}

const register_sdk = (host, schema, handler) => host.setRequestHandler(schema, handler);
const SAMPLE = { model: "m", role: "assistant", content: { type: "text", text: "the model said so" } };
const ELICITED = { action: "accept", content: { name: "the user said so" } };
const PROMPT = { prompt: "p", maxTokens: 10 };

async function roots(t, stop) {
  const world = await open(t);
  let asked = 0;
  await connect(sdk, world);  // so that the stop finds somebody
  if (stop) await world.stop("--tenant", "acme", "--mode", "stop_all");
  const start = everything.start(world);
  const host = await sdk.connect(world, world.wrap(world.record("server", start)), { capabilities: { roots: {} } });
  host.client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: [{ uri: `file:///asked-${++asked}` }] }));
  const heard = () => world.recorded("server", "in").toString();
  const is_answer = (line) => /"id":0\b/.test(line) && /"(result|error)":/.test(line);
  const answer = await world.until(() => heard().split("\n").find(is_answer), "an answer to roots/list");
  return { asked, answer };
}

async function reads(t) {
  const world = await open(t);
  const { client } = await connect(sdk, world);
  const updated = [];
  client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => void updated.push(params.uri));
  const prompt = () => client.getPrompt({ name: "args-prompt", arguments: { city: "Berlin" } });
  const complete = () =>
    client.complete({ ref: { type: "ref/prompt", name: "completable-prompt" }, argument: { name: "department", value: "E" } });
  const resource = () => client.readResource({ uri: URI });
  const subscribe = () => client.subscribeResource({ uri: URI });
  const all = [prompt, complete, resource, subscribe];

  for (const read of all) assert.ok(await read());
  assert.deepEqual((await complete()).completion.values, ["Engineering"]);
  await client.callTool({ name: "toggle-subscriber-updates", arguments: {} });
  await world.until(() => updated.includes(URI), "an update of what was subscribed to");

  await world.stop("--tenant", "acme");
  for (const read of all) assert.ok(await read(), "a read");
  await world.stop("--tenant", "acme", "--mode", "stop_all");
  for (const read of all) await assert_refused(read(), "killed: stop_all");
  assert.ok((await client.listPrompts()).prompts.length > 2);
  assert.ok((await client.listResources()).resources.length > 0);
  await client.unsubscribeResource({ uri: URI });
  await world.resume();
  for (const read of all) assert.ok(await read());
}

// The handle of a task is a call in flight until the task ends, whatever is stopped meanwhile.
async function task(t, client, tasks) {
  const world = await open(t);
  const { client: host } = await connect(client, world);
  await host.listTools();
  const begin = tasks(host);
  const { handle, result } = begin({ topic: "stops" });
  await handle;
  const stop = await stopped(world, "--mode", "stop_all");
  assert.deepEqual(stop.in_flight.map(({ tool, outcome }) => [tool, outcome]), [[RESEARCH, "running"]]);
  assert.match((await result).content[0].text, /Research Report: stops/);
  assert.equal(await world.outcome(stop), "done");
  assert.equal(JSON.parse(await world.operator("status", "--json")).in_flight, 0);
  await assert.rejects(begin({ topic: "stops" }).result, /killed: stop_all/);
}

// A task that asks its user half way: it goes on, but nobody is asked.
async function asking_task(t, stop) {
  const world = await open(t);
  let asked = 0;
  const server = world.wrap(world.record("server", everything.start(world)));
  const { client: host } = await sdk.connect(world, server, { capabilities: { elicitation: {} } });
  host.setRequestHandler(ElicitRequestSchema, () => (++asked, { action: "decline" }));
  await host.listTools();
  const { handle, result } = sdk_tasks(host)({ topic: "stops", ambiguous: true });
  await handle;
  if (stop) await stopped(world, "--mode", "stop_all");
  return { text: (await result).content[0].text, asked, heard: world.recorded("server", "in").toString() };
}

// A task as `follow` tells of it: its handle when that is there, its result when that is.
function followed(follow) {
  const [handle, result] = [Promise.withResolvers(), Promise.withResolvers()];
  follow(handle.resolve).then(result.resolve, (error) => (handle.reject(error), result.reject(error)));
  handle.promise.catch(() => {});
  return { handle: handle.promise, result: result.promise };
}

const sdk_tasks = (client) => (given) => followed(async (tell) => {
  for await (const event of client.experimental.tasks.callToolStream({ name: RESEARCH, arguments: given })) {
    if (event.type === "taskCreated") tell(event.task);
    if (event.type === "result") return event.result;
    if (event.type === "error") throw event.error;
  }
});

// The client 2.x leaves tasks to a library beside it.
function client2_tasks(client) {
  const session = createTaskSessionFromClient(client, { endpointId: "real" });
  return (given) => followed(async (tell) => {
    const execution = await session.callTool(RESEARCH, given);
    const { outcome } = await execution.settle({ onEvent: (event) => void (event.type === "task" && tell(event.task)) });
    return resultFromTaskOutcome(outcome);
  });
}

describe("everything", { concurrency: 2 }, () => {
  for (const client of [sdk, client2]) test(`${client.name}: a long call outlives the stop and is answered`, (t) => long_call(t, client));
  test("sdk 1.x: a task is in flight until it ends", (t) => task(t, sdk, sdk_tasks));
  test("client 2.x: a task is in flight until it ends", (t) => task(t, client2, client2_tasks));
  test("sdk 1.x: a task that asks its user goes on, and nobody is asked", async (t) => {
    const [control, under_stop] = await Promise.all([asking_task(t, false), asking_task(t, true)]);
    assert.equal(control.asked, 1);
    assert.match(control.text, /User declined/);
    assert.equal(under_stop.asked, 0);
    assert.match(under_stop.text, /elicitation unavailable/);
    assert.match(under_stop.heard, /"error":\{[^\n]*killed: stop_all/, "the server is told why");
  });
  test("sdk 1.x: what the model would say is withheld", (t) =>
    asked_back(t, sdk, register_sdk, CreateMessageRequestSchema, SAMPLE, "trigger-sampling-request", PROMPT, /the model said so/));
  test("sdk 1.x: what the user would say is withheld", (t) =>
    asked_back(t, sdk, register_sdk, ElicitRequestSchema, ELICITED, "trigger-elicitation-request", {}, /the user said so/));
  test("client 2.x: what the model would say is withheld", (t) =>
    asked_back(t, client2, register_sdk, "sampling/createMessage", SAMPLE, "trigger-sampling-request", PROMPT, /the model said so/));
  test("resources, subscriptions, prompts and completion are reads", reads);
  test("the server that asks for roots under stop_all is told why it gets none", async (t) => {
    const control = await roots(t, false);
    assert.equal(control.asked, 1);
    assert.match(control.answer, /file:\/\/\/asked-1/);
    const under_stop = await roots(t, true);
    assert.equal(under_stop.asked, 0);
    assert.match(under_stop.answer, /killed: stop_all/);
  });
});
