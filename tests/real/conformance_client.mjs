// A client for the conformance suite of MCP to test: conformance_client.mjs URL. It does everything that it is offered, once, and asks its user
// for authorization as often as a user would bear.
//   THROUGH=gate: the gate for HTTP stands before the server, and the client knows the gate's address alone.
//   THROUGH=public: the same, but the server's public address leads to the gate, as behind a proxy that somebody has set up so.
//   THROUGH=stopped: the same as public, with all writes stopped.
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from "@modelcontextprotocol/client";

import { World } from "./world.mjs";

const context = JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT ?? "{}");
const revision = process.env.MCP_CONFORMANCE_PROTOCOL_VERSION;
const MODERN = "2026-07-28";
const CALLBACK = "http://localhost:3000/callback";
const PATIENT = { timeout: 300_000 };  // the suite runs all scenarios at once
const PATIENCE = 2;  // so often a user says yes to one thing

// The user's browser and keyring: says yes to whatever is asked.
class User {
  redirectUrl = CALLBACK;
  clientMetadataUrl = "https://conformance-test.local/client-metadata.json";
  clientMetadata = { client_name: "conformance", redirect_uris: [CALLBACK] };
  #kept = { client: context.client_id && { client_id: context.client_id, client_secret: context.client_secret } };

  clientInformation = () => this.#kept.client;
  saveClientInformation = (client) => void (this.#kept.client = client);
  tokens = () => this.#kept.tokens;
  saveTokens = (tokens) => void (this.#kept.tokens = tokens);
  codeVerifier = () => this.#kept.verifier;
  saveCodeVerifier = (verifier) => void (this.#kept.verifier = verifier);
  discoveryState = () => this.#kept.discovery;
  saveDiscoveryState = (discovery) => void (this.#kept.discovery = discovery);
  invalidateCredentials = (what) => void delete this.#kept[what];

  async redirectToAuthorization(url) {
    this.said = new URL((await persistent_fetch(url, { redirect: "manual" })).headers.get("location")).searchParams;
  }
}

const user = new User();

// On a busy machine a connection that was kept may be closed by its server just as the next request goes out on it, and fetch() gives up.
async function persistent_fetch(to, init) {
  try {
    return await fetch(to, init);
  } catch (error) {
    if (error.cause?.code !== "ECONNRESET" && error.cause?.code !== "UND_ERR_SOCKET") throw error;
    return fetch(to, init);
  }
}

// Does `act`; if the user has to be asked first, asks and does it again.
async function authorized(transport, act) {
  for (let asked = 0; ; ++asked) {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof UnauthorizedError) || !user.said || asked === PATIENCE) throw error;
      await transport().finishAuth(user.said);
      user.said = undefined;
      user.invalidateCredentials("discovery");  // the server may name another authority the next time
    }
  }
}

// What a schema wants, in the least words.
const LEAST = { string: "x", integer: 1, number: 1, boolean: true, array: [], object: {}, null: null };
const filled = ({ properties = {}, required = [] }) => Object.fromEntries(required.map((name) => [name, LEAST[properties[name]?.type] ?? "x"]));
const calls_of = (tools) => context.toolCalls ?? tools.map(({ name, inputSchema }) => ({ name, arguments: filled(inputSchema) }));

async function use({ url, fetch }) {
  let client, transport;
  const listening = Promise.withResolvers();
  const heard = async (to, init) => {
    const response = await fetch(to, init);
    if (init?.method === "GET") listening.resolve();
    return response;
  };
  const connect = async () => {
    client = new Client({ name: "conformance", version: "1" }, {
      capabilities: { elicitation: { form: { applyDefaults: true } } },
      ...(revision === MODERN && { versionNegotiation: { mode: { pin: revision } } }),
    });
    client.setRequestHandler("elicitation/create", async () => ({ action: "accept", content: {} }));
    transport = new StreamableHTTPClientTransport(url, { fetch: heard, authProvider: user });
    await client.connect(transport, PATIENT);
  };
  const asked = (act) => authorized(() => transport, act);
  await asked(connect);
  if (revision !== MODERN) await listening.promise;  // else the stream of news may come so late that it passes for a reconnection
  const can = client.getServerCapabilities() ?? {};
  if (can.tools) for (const call of calls_of((await asked(() => client.listTools({}, PATIENT))).tools)) await asked(() => client.callTool(call, PATIENT));
  if (can.resources) for (const { uri } of (await client.listResources({}, PATIENT)).resources) await client.readResource({ uri }, PATIENT);
  if (can.prompts) for (const { name } of (await client.listPrompts({}, PATIENT)).prompts) await client.getPrompt({ name }, PATIENT);
  await client.close();
}

// Every address that the server's own is part of leads to the gate, as behind a proxy at its public address.
function led(to, url, gate) {
  const at = new URL(to);
  if (at.origin !== url.origin) return at;
  return at.href === url.href ? new URL("/mcp/it", gate) : new URL(at.pathname + at.search, gate);
}

async function through(url) {
  const servers = `servers: { it: { url: "${url}" } }\nroutes: [{ path: "/*", tool: none, url: "${url.origin}" }]\n`;
  const world = await World.open({ after() {} }, {}, `listen: { gate: "127.0.0.1:0" }\nanonymous: acme\n${servers}`);
  const gate = `http://${await world.up()}`;
  world.may_match_nothing = true;
  if (process.env.THROUGH === "stopped") await world.stop("--global");
  if (process.env.THROUGH === "gate") return { world, url: new URL("/mcp/it", gate), fetch: persistent_fetch };
  return { world, url, fetch: (to, init) => persistent_fetch(led(to, url, gate), init) };
}

const server = new URL(process.argv[2]);
const way = process.env.THROUGH ? await through(server) : { url: server, fetch: persistent_fetch };
const failed = await use(way).then(() => 0, (error) => (console.error(error), 1));
await way.world?.close();
process.exit(failed);
