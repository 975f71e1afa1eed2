// The server that has everything, with the gate for HTTP in front of it.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { World } from "./world.mjs";

export async function behind_the_gate(t, catalogue = {}) {
  const server = spawn(process.execPath, [join(import.meta.dirname, "everything.mjs")], { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => server.kill());
  const [url] = await once(createInterface(server.stdout), "line");
  const command = JSON.stringify([process.execPath, join(import.meta.dirname, "everything.mjs"), "--stdio"]);
  const servers = `{ everything: { url: "${url}" }, command: { command: ${command} } }`;
  const world = await World.open(t, catalogue, `listen: { gate: "127.0.0.1:0" }\nanonymous: acme\nservers: ${servers}\n`);
  const address = await world.up();
  return { world, url, gate: `http://${address}/mcp/everything`, command: `http://${address}/mcp/command` };
}
