// A script of hosted.py on the other end of two pipes, started when it is first needed; it ends with the process that started it.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";

class Host {
  waiting = new Map();
  last = 0;

  constructor(python, [script, ...words]) {
    this.process = spawn(join(import.meta.dirname, python, "bin/python"), [join(import.meta.dirname, script), ...words], {
      stdio: ["pipe", "pipe", process.env.SHOW ? "inherit" : "ignore"],
      env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1" },
    });
    this.process.on("exit", () => {
      this.ended = new Error(`${script} ended`);
      this.waiting.forEach(({ reject }) => reject(this.ended));
    });
    this.process.stdin.on("error", () => {});
    createInterface(this.process.stdout).on("line", (line) => this.hear(JSON.parse(line)));
    for (const held of [this.process, this.process.stdin, this.process.stdout]) held.unref();
  }

  hear({ id, result, error }) {
    const { resolve, reject } = this.waiting.get(id);
    this.waiting.delete(id);
    error ? reject(Object.assign(new Error(error.message), error)) : resolve(result);
  }

  ask(session, what, given) {
    return new Promise((resolve, reject) => {
      if (this.ended) return reject(this.ended);
      this.waiting.set(++this.last, { resolve, reject });
      this.process.stdin.write(`${JSON.stringify({ id: this.last, session, do: what, ...given })}\n`);
    });
  }
}

const hosts = new Map();
let sessions = 0;

export class PythonSession {
  number = ++sessions;

  // `python`: the environment, as run.py installs it.
  constructor(python = "python", ...script) {
    this.python = python;
    this.script = script.length ? script : ["python_host.py"];
  }

  ask(what, given = {}) {
    const name = [this.python, ...this.script].join(" ");
    if (!hosts.has(name)) hosts.set(name, new Host(this.python, this.script));
    return hosts.get(name).ask(this.number, what, given);
  }

  call(name, given) {
    return this.ask("call", { name, arguments: given });
  }

  tools() {
    return this.ask("tools");
  }

  ping() {
    return this.ask("ping");
  }

  close() {
    return this.ask("close");
  }
}
