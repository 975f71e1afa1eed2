// The clients, each seen as the host application that uses it sees it: what a call returns, what it throws.
//   connect(world, {command, env}) → a session: call(tool, arguments), tools(), close(); and where the client has sessions, ping().
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { Client as NewClient } from "@modelcontextprotocol/client";
import { StdioClientTransport as NewStdio, getDefaultEnvironment } from "@modelcontextprotocol/client/stdio";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";

import { PythonSession } from "./python_host.mjs";

const INFO = { name: "real", version: "1" };
const inspector = join(import.meta.dirname, "node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js");

// What these clients hand on to a server by default, what the server wants, and the mark of the test.
const environment = (world, env) => ({ ...getDefaultEnvironment(), ...env, ...world.mark });

const names = ({ tools }) => tools.map((tool) => tool.name);

export const sdk = {
  name: "sdk 1.x",
  async connect(world, { command: [command, ...args], env }, options) {
    const client = new Client(INFO, options);
    world.clients.push(client);
    await client.connect(new StdioClientTransport({ command, args, env: environment(world, env), stderr: "ignore" }));
    return {
      client,
      call: (name, given, options) => client.callTool({ name, arguments: given }, undefined, options),
      tools: async () => names(await client.listTools()),
      ping: () => client.ping(),
      close: () => client.close(),
    };
  },
};

export const client2 = {
  name: "client 2.x",
  async connect(world, { command: [command, ...args], env }, options) {
    const client = new NewClient(INFO, options);
    world.clients.push(client);
    await client.connect(new NewStdio({ command, args, env: environment(world, env), stderr: "ignore" }));
    return {
      client,
      call: (name, given, options) => client.callTool({ name, arguments: given }, options),
      tools: async () => names(await client.listTools()),
      ping: () => client.ping(),
      close: () => client.close(),
    };
  },
};

export const python2 = {
  name: "python 2.x",
  async connect(world, { command, env }, options = {}) {
    const session = new PythonSession();
    world.clients.push(session);
    await session.ask("connect", { command, env: environment(world, env), ...options });
    return session;
  },
};

// A process, and so a server, for each request. Its user sees what it prints.
export const inspectorCli = {
  name: "inspector",
  each_call_a_process: true,
  slow: true,
  async connect(world, { command: [command, ...args], env }, options = []) {
    const config = join(world.dir, `inspector-${Math.random()}.json`);
    world.may_match_nothing = true;
    writeFileSync(config, JSON.stringify({ mcpServers: { it: { command, args, env: { ...env, ...world.mark } } } }));
    const ask = (...words) => inspect(world, ["--config", config, "--server", "it", "--format", "json", "--quiet", ...options, ...words]);
    return {
      call: (name, given) => ask("--method", "tools/call", "--tool-name", name, "--tool-args-json", JSON.stringify(given)),
      tools: async () => names(await ask("--method", "tools/list")),
      ask,
      close: () => {},
    };
  },
};

// Exit 5: a tool's result that is an error; it is printed like any other.
async function inspect(world, words) {
  const child = spawn(process.execPath, [inspector, "--cli", ...words], {
    env: { ...process.env, HOME: world.dir, MCP_INSPECTOR_SECRET_STORE: "memory" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  if (code === 0 || code === 5) return JSON.parse(out).result;
  throw Object.assign(new Error(JSON.parse(err.trim().split("\n").at(-1)).error.message), { exit: code });
}

async function text(stream) {
  return Buffer.concat(await stream.toArray()).toString();
}

export const clients = [sdk, client2, python2, inspectorCli];
