// python_host.py on the other end of two pipes, started when it is first needed; it ends with the process that started it.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";

const python = join(import.meta.dirname, "python/bin/python");

class Host {
  waiting = new Map();
  last = 0;

  constructor() {
    this.process = spawn(python, [join(import.meta.dirname, "python_host.py")], {
      stdio: ["pipe", "pipe", process.env.SHOW ? "inherit" : "ignore"],
      env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1" },
    });
    this.process.on("exit", () => {
      this.ended = new Error("python_host.py ended");
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

let host;
let sessions = 0;

export class PythonSession {
  number = ++sessions;

  ask(what, given = {}) {
    host ??= new Host();
    return host.ask(this.number, what, given);
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
