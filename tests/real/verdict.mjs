// What the conformance suite of MCP says of a server or of a client.
import { execFile } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const suite = join(import.meta.dirname, "node_modules/@modelcontextprotocol/conformance/dist/index.js");

// `found`: {scenario: "check STATUS, check STATUS"}; `passed`: every scenario that the revision requires has.
export async function verdict(out, words, env = {}) {
  const options = { env: { ...process.env, ...env }, maxBuffer: 1 << 26 };
  const passed = await run(process.execPath, [suite, ...words, "-o", out], options).then(() => true, () => false);
  const found = {};
  for (const file of globSync("**/checks.json", { cwd: out })) {
    const checks = JSON.parse(readFileSync(join(out, file)));
    found[relative("", dirname(file)).replace(/-\d{4}-\d\d-\d\dT.*$/, "")] = checks.map(({ id, status }) => `${id} ${status}`).sort().join(", ");
  }
  return { passed, found };
}

export const failed = ({ found }) => Object.keys(found).filter((name) => found[name].includes("FAILURE"));

// What `other` says differently.
export const different = (one, other) => Object.keys({ ...one.found, ...other.found }).filter((name) => one.found[name] !== other.found[name]);
