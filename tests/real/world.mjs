// A world of its own for one test: a state of Notaus, an operator's terminal, a web server that counts, and everything started in it.
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";

const run = promisify(execFile);
const notaus = join(process.env.NOTAUS_BUILD, "notaus");
const recorder = join(import.meta.dirname, "recorder.mjs");

export class World {
  // `catalogue`: what the operator approved, {tool: "read" | "write"}; any other tool counts as a write. `config`: the rest of the configuration.
  static async open(test, catalogue = {}, config = "") {
    const world = new World();
    test.after(() => world.close());
    world.dir = realpathSync(mkdtempSync(join(tmpdir(), "notaus-real-")));
    world.state = world.place("state");
    writeFileSync(join(world.state, "notaus.yaml"), `tools: ${JSON.stringify(catalogue)}\n${config}`);
    await world.operator("init");
    await world.serve();
    return world;
  }

  clients = [];
  visits = [];

  place(name) {
    const path = join(this.dir, name);
    mkdirSync(path, { recursive: true });
    return path;
  }

  empty(name) {
    rmSync(join(this.dir, name), { recursive: true, force: true });
  }

  // What an operator types in another terminal; throws unless it exits 0.
  async operator(...words) {
    return (await run(notaus, words, { env: { ...process.env, NOTAUS_STATE: this.state } })).stdout;
  }

  async stop(...words) {
    try {
      return await this.operator("stop", ...words, "--reason", "real parts");
    } catch (failed) {
      if (failed.code !== 8 || !this.may_match_nothing) throw failed;
      return failed.stdout;  // stopped, but no process is there or no such name was ever seen
    }
  }

  async resume() {
    for (const stop of JSON.parse(await this.operator("status", "--json")).stops) await this.operator("resume", stop.id, "--reason", "over");
  }

  // How the one call that was in flight at a stop ended, as the log says.
  async outcome({ in_flight: [{ call }] }) {
    const ended = async () => {
      const records = (await this.operator("audit", "list", "--json")).split("\n").filter(Boolean).map((line) => JSON.parse(line));
      return records.find((record) => record.call === call && record.kind !== "inflight");
    };
    return (await this.until(ended, `the end of ${call}`)).outcome;
  }

  // The gate for HTTP, until the test ends: where it listens.
  async up() {
    const gate = spawn(notaus, ["up"], { env: { ...process.env, ...this.mark, NOTAUS_STATE: this.state }, stdio: ["ignore", "ignore", "pipe"] });
    for await (const line of createInterface(gate.stderr)) {
      const found = line.match(/ gate=(\S+)/);
      if (found) return found[1];
    }
    throw new Error("notaus up ended");
  }

  // A server's {command, env} behind the wrapper; nothing else about it changes.
  wrap({ command, env }, tenant = "acme") {
    return { command: [notaus, "mcp", "--state", this.state, "--tenant", tenant, "--agent", "writer", "--", ...command], env };
  }

  record(name, { command, env }) {
    return { command: [process.execPath, recorder, join(this.dir, name), "--", ...command], env };
  }

  recorded(name, way) {
    return readFileSync(join(this.dir, `${name}.${way}`));
  }

  // Every process started here carries this, however deep it is and whatever it calls itself.
  get mark() {
    return { NOTAUS_WORLD: this.dir };
  }

  processes() {
    const here = `NOTAUS_WORLD=${this.dir}\0`;
    return readdirSync("/proc").filter((pid) => /^\d+$/.test(pid) && reads(`/proc/${pid}/environ`).includes(here));
  }

  // Until `seen` returns something true; a deadline only ends a test that has failed already.
  async until(seen, what) {
    for (const end = Date.now() + 10_000; Date.now() < end; await pause(20)) {
      const found = await seen();
      if (found) return found;
    }
    throw new Error(`did not come: ${what}`);
  }

  async serve() {
    this.web = createServer((request, response) => {
      this.visits.push(request.url);
      response.setHeader("content-type", "text/html");
      response.end("<title>a page</title><h1>seen</h1>");
    });
    this.web.listen(0, "127.0.0.1");
    await once(this.web, "listening");
  }

  url(path) {
    return `http://127.0.0.1:${this.web.address().port}/${path}`;
  }

  async close() {
    await Promise.allSettled(this.clients.map((client) => client.close()));
    for (const pid of this.processes()) process.kill(pid, "SIGKILL");
    this.web?.closeAllConnections();
    this.web?.close();
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

function reads(path) {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";  // it is gone, or another user's
  }
}
