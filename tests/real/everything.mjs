// A server that has whatever the conformance suite of MCP asks for, in both eras at one address: everything.mjs; it prints its URL. Old
// sessions are kept here, new requests served one by one. everything.mjs --stdio: the same tools over stdio.
import { randomBytes, randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { setTimeout as pause } from "node:timers/promises";

import { NodeStreamableHTTPServerTransport, toNodeHandler } from "@modelcontextprotocol/node";
import {
  acceptedContent, classifyInboundRequest, CLIENT_CAPABILITIES_META_KEY, createMcpHandler, createRequestStateCodec, fromJsonSchema, inputRequired,
  McpServer, ResourceTemplate,
} from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";

const IMAGE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const SOUND = "UklGRiQAAABXQVZFZm10IBAAAAABAAEARKwAAIhYAQACABAAZGF0YQAAAAA=";

const text = (said) => ({ type: "text", text: said });
const image = { type: "image", data: IMAGE, mimeType: "image/png" };
const resource = (uri, mimeType, said) => ({ type: "resource", resource: { uri, mimeType, text: said } });
const says = (...content) => ({ content });
const user = (content) => ({ role: "user", content });
const form = (properties, required = Object.keys(properties)) => ({ type: "object", properties, required });
const schema = (properties = {}) => fromJsonSchema(form(properties));
const states = createRequestStateCodec({ key: new Uint8Array(randomBytes(32)) });

// --- tools that just answer ---

const plain = {
  test_simple_text: says(text("simple text")),
  test_image_content: says(image),
  test_audio_content: says({ type: "audio", data: SOUND, mimeType: "audio/wav" }),
  test_embedded_resource: says(resource("test://embedded", "text/plain", "embedded")),
  test_multiple_content_types: says(text("three kinds"), image, resource("test://mixed", "application/json", "{}")),
  test_streaming_elicitation: says(text("no question was needed")),
};

let counted = 0;  // what really ran

// --- tools that say something meanwhile, or ask in the way of the old era ---

const note = (ctx, method, params) => ctx.mcpReq.notify({ method: `notifications/${method}`, params });

async function log_thrice(_, ctx) {
  for (const data of ["begins", "goes on", "ends"]) {
    await note(ctx, "message", { level: "info", data });
    await pause(30);
  }
  return says(text("logged"));
}

async function progress(_, ctx) {
  const progressToken = ctx.mcpReq._meta?.progressToken;
  for (const step of progressToken === undefined ? [] : [0, 50, 100]) {
    await note(ctx, "progress", { progressToken, progress: step, total: 100 });
    await pause(30);
  }
  return says(text(`token ${progressToken}`));
}

const asks = (method, params) => async (given, ctx) => says(text(JSON.stringify(await ctx.mcpReq.send({ method, params: params(given) }))));
const elicits = (properties, required = []) =>
  asks("elicitation/create", ({ message }) => ({ message: message ?? "please look at this", requestedSchema: form(properties, required) }));
const samples = asks("sampling/createMessage", ({ prompt }) => ({ messages: [user(text(prompt))], maxTokens: 50 }));

const defaults = {
  name: { type: "string", default: "John Doe" },
  age: { type: "integer", default: 30 },
  score: { type: "number", default: 95.5 },
  status: { type: "string", enum: ["active", "inactive", "pending"], default: "active" },
  verified: { type: "boolean", default: true },
};
const titled = [1, 2, 3].map((number) => ({ const: `value${number}`, title: `Choice ${number}` }));
const names = ["option1", "option2", "option3"];
const choices = {
  untitledSingle: { type: "string", enum: names },
  titledSingle: { type: "string", oneOf: titled },
  legacyEnum: { type: "string", enum: ["opt1", "opt2", "opt3"], enumNames: ["One", "Two", "Three"] },
  untitledMulti: { type: "array", minItems: 1, maxItems: 3, items: { type: "string", enum: names } },
  titledMulti: { type: "array", minItems: 1, maxItems: 3, items: { anyOf: titled } },
};

// --- tools of the new era that come back with a question ---

const elicit = (properties) => inputRequired.elicit({ message: "please say", requestedSchema: form(properties) });
const sample = (said) => inputRequired.createMessage({ messages: [user(text(said))], maxTokens: 20 });
const who = { name: { type: "string" } };
const sure = { ok: { type: "boolean" } };
const answers = (ctx) => ctx.mcpReq.inputResponses;

// Asks until `done` finds what it needs among the answers.
const until = (done, inputRequests, state) => async (_, ctx) => {
  const found = done(answers(ctx), ctx);
  if (found !== undefined) return says(text(JSON.stringify(found)));
  return inputRequired({ inputRequests: inputRequests(ctx), ...(state && { requestState: await states.mint(state) }) });
};

const several = () => ({ user_name: elicit(who), greeting: sample("greet"), client_roots: inputRequired.listRoots() });
const all_of = (given) => (Object.keys(several()).every((key) => given?.[key] !== undefined) ? given : undefined);

// Only what the client says that it can answer.
function what_it_can(ctx) {
  const can = ctx.mcpReq.envelope?.[CLIENT_CAPABILITIES_META_KEY] ?? {};
  const { user_name, greeting, client_roots } = several();
  return { ...(can.elicitation && { user_name }), ...(can.sampling && { greeting }), ...(can.roots && { client_roots }) };
}

async function two_rounds(_, ctx) {
  const round = ctx.mcpReq.requestState()?.round ?? 1;
  if (round === 3) return says(text(JSON.stringify(answers(ctx))));
  return inputRequired({ inputRequests: { [`step${round}`]: elicit(who) }, requestState: await states.mint({ round: round + 1 }) });
}

const confirmed = (given, ctx) => (ctx.mcpReq.requestState() !== undefined && acceptedContent(given, "confirm") ? "state-ok, integrity-ok" : undefined);
const confirm = until(confirmed, () => ({ confirm: elicit(sure) }), { for: "confirm" });
const named = (given, key) => (typeof acceptedContent(given, key)?.name === "string" ? given[key] : undefined);

// --- one server ---

const with_headers = fromJsonSchema({
  type: "object",
  properties: { region: { type: "string", "x-mcp-header": "Region" }, level: { type: "integer" } },
});
const of_2020 = fromJsonSchema({
  $schema: "https://json-schema.org/draft/2020-12/schema",
  type: "object",
  $defs: { address: { $anchor: "addressDef", type: "object", properties: { street: { type: "string" }, city: { type: "string" } } } },
  properties: {
    name: { type: "string" }, address: { $ref: "#/$defs/address" }, contactMethod: { type: "string", enum: ["phone", "email"] },
    phone: { type: "string" }, email: { type: "string" },
  },
  allOf: [{ anyOf: [{ required: ["phone"] }, { required: ["email"] }] }],
  if: { properties: { contactMethod: { const: "phone" } }, required: ["contactMethod"] },
  then: { required: ["phone"] },
  else: { required: ["email"] },
  additionalProperties: false,
});

const tools = (transport, changed) => ({
  ...Object.fromEntries(Object.entries(plain).map(([name, answer]) => [name, [schema(), async () => answer]])),
  count_up: [schema(), async () => says(text(`${++counted}`))],
  test_error_handling: [schema(), async () => { throw new Error("it fails, as it should"); }],
  test_tool_with_logging: [schema(), log_thrice],
  test_logging_tool: [schema(), async (_, ctx) => (await ctx.mcpReq.log("info", "ran"), says(text("logged")))],
  test_tool_with_progress: [schema(), progress],
  test_reconnection: [schema(), async (_, ctx) => (transport()?.closeSSEStream(ctx.mcpReq.id), await pause(100), says(text("back")))],
  test_sampling: [schema({ prompt: { type: "string" } }), samples],
  test_elicitation: [schema({ message: { type: "string" } }), elicits({ response: { type: "string" } }, ["response"])],
  test_elicitation_sep1034_defaults: [schema(), elicits(defaults)],
  test_elicitation_sep1330_enums: [schema(), elicits(choices)],
  test_x_mcp_header: [with_headers, async ({ region }) => says(text(`region ${region}`))],
  json_schema_2020_12_tool: [of_2020, async (given) => says(text(JSON.stringify(given)))],
  test_missing_capability: [schema(), until((given) => given?.answer, () => ({ answer: sample("say pong") }))],
  test_input_required_result_elicitation: [schema(), until((given) => named(given, "user_name"), () => ({ user_name: elicit(who) }))],
  test_input_required_result_sampling: [schema(), until((given) => given?.capital_question, () => ({ capital_question: sample("What is the capital of France?") }))],
  test_input_required_result_list_roots: [schema(), until((given) => given?.client_roots, () => ({ client_roots: inputRequired.listRoots() }))],
  test_input_required_result_request_state: [schema(), confirm],
  test_input_required_result_tampered_state: [schema(), confirm],
  test_input_required_result_multiple_inputs: [schema(), until(all_of, several, { for: "several" })],
  test_input_required_result_multi_round: [schema(), two_rounds],
  test_input_required_result_capabilities: [schema(), until((given) => given, what_it_can)],
  test_trigger_tool_change: [schema(), async () => (changed.tools(), says(text("said")))],
  test_trigger_prompt_change: [schema(), async () => (changed.prompts(), says(text("said")))],
});

const resources = {
  "test://static-text": { mimeType: "text/plain", text: "static" },
  "test://static-binary": { mimeType: "image/png", blob: IMAGE },
  "test://watched-resource": { mimeType: "text/plain", text: "watched" },
};

function add_prompts(server) {
  const prompt = (name, properties, messages) =>
    server.registerPrompt(name, { description: name, ...(properties && { argsSchema: schema(properties) }) }, async (given) => ({ messages: messages(given) }));
  const word = { type: "string", description: "a word" };
  prompt("test_simple_prompt", null, () => [user(text("simple"))]);
  prompt("test_prompt_with_arguments", { arg1: word, arg2: word }, ({ arg1, arg2 }) => [user(text(`${arg1} and ${arg2}`))]);
  prompt("test_prompt_with_embedded_resource", { resourceUri: word }, ({ resourceUri }) => [user(resource(resourceUri, "text/plain", "here")), user(text("look"))]);
  prompt("test_prompt_with_image", null, () => [user(image), user(text("look"))]);
  server.registerPrompt("test_input_required_result_prompt", { description: "asks first" }, async (ctx) => {
    const given = acceptedContent(answers(ctx), "user_context")?.context;
    if (typeof given === "string") return { messages: [user(text(`in the context of ${given}`))] };
    return inputRequired({ inputRequests: { user_context: elicit({ context: { type: "string" } }) } });
  });
}

function create(transport = () => undefined, over_http = true) {
  const changes = { listChanged: true };
  const server = new McpServer({ name: "everything", version: "1.0.0" }, {
    capabilities: { tools: changes, prompts: changes, resources: { subscribe: true, ...changes }, logging: {}, completions: {} },
    requestState: { verify: states.verify },
  });
  const changed = over_http
    ? { tools: () => modern.notify.toolsChanged(), prompts: () => modern.notify.promptsChanged() }
    : { tools: () => server.sendToolListChanged(), prompts: () => server.sendPromptListChanged() };
  for (const [name, [inputSchema, run]] of Object.entries(tools(transport, changed))) server.registerTool(name, { description: name, inputSchema }, run);
  for (const [uri, content] of Object.entries(resources))
    server.registerResource(uri.slice(7), uri, { mimeType: content.mimeType }, async () => ({ contents: [{ uri, ...content }] }));
  server.registerResource("template", new ResourceTemplate("test://template/{id}/data", {}), { mimeType: "application/json" },
    async (uri, { id }) => ({ contents: [{ uri: uri.href, mimeType: "application/json", text: JSON.stringify({ id }) }] }));
  add_prompts(server);
  for (const method of ["resources/subscribe", "resources/unsubscribe", "logging/setLevel"]) server.server.setRequestHandler(method, async () => ({}));
  server.server.setRequestHandler("completion/complete", async () => ({ completion: { values: [], total: 0, hasMore: false } }));
  return server;
}

// --- over HTTP ---

class Events {  // what a client may come back for
  kept = [];
  async storeEvent(stream, message) {
    return `${stream}/${this.kept.push({ stream, message })}`;
  }
  async replayEventsAfter(last, { send }) {
    const [stream, number] = last.split("/");
    for (let at = Number(number); at < this.kept.length; ++at)
      if (this.kept[at].stream === stream && this.kept[at].message.jsonrpc) await send(`${stream}/${at + 1}`, this.kept[at].message);
    return stream;
  }
}

const sessions = new Map();
const modern = createMcpHandler(() => create());
const serve_modern = toNodeHandler(modern);

async function begin_session() {
  const transport = new NodeStreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID, eventStore: new Events(), retryInterval: 500,
    onsessioninitialized: (id) => sessions.set(id, transport),
  });
  transport.onclose = () => sessions.delete(transport.sessionId);
  await create(() => transport).connect(transport);
  return transport;
}

async function body_of(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return chunks.length ? JSON.parse(Buffer.concat(chunks)) : undefined;
}

const refuse = (response, status, message) =>
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify({ jsonrpc: "2.0", id: null, error: { code: -32000, message } }));

const here = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/;

const serve = async (request, response) => {
  const { origin, host } = request.headers;
  if (!here.test(host) || (origin && !here.test(origin.replace(/^https?:\/\//, "")))) return refuse(response, 403, "not from here");
  const body = await body_of(request).catch(() => null);
  if (body === null) return refuse(response, 400, "no JSON");
  const said = { httpMethod: request.method, protocolVersionHeader: request.headers["mcp-protocol-version"], mcpMethodHeader: request.headers["mcp-method"], body };
  if (request.method === "POST" && classifyInboundRequest(said).kind !== "legacy") return serve_modern(request, response, body);
  const id = request.headers["mcp-session-id"];
  const transport = id ? sessions.get(id) : body?.method === "initialize" ? await begin_session() : undefined;
  if (!transport) return refuse(response, id ? 404 : 400, id ? "no such session" : "no session");
  await transport.handleRequest(request, response, body);
};

if (process.argv.includes("--stdio"))
  serveStdio(() => create(undefined, false));
else
  createServer(serve).listen(0, "127.0.0.1", function () {
    console.log(`http://localhost:${this.address().port}/mcp`);
  });
