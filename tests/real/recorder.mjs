// recorder.mjs PREFIX -- COMMAND…: runs COMMAND and keeps what goes in (PREFIX.in) and what comes out (PREFIX.out), byte for byte.
import { spawn } from "node:child_process";
import { createWriteStream } from "node:fs";

const [prefix, , command, ...rest] = process.argv.slice(2);
const child = spawn(command, rest, { stdio: ["pipe", "pipe", "inherit"] });
const kept = { in: createWriteStream(`${prefix}.in`), out: createWriteStream(`${prefix}.out`) };

process.stdin.on("data", (bytes) => (kept.in.write(bytes), child.stdin.write(bytes)));
process.stdin.on("end", () => child.stdin.end());
child.stdout.on("data", (bytes) => (kept.out.write(bytes), process.stdout.write(bytes)));
child.stdin.on("error", () => {});
child.on("close", (code) => kept.in.end(() => kept.out.end(() => process.exit(code ?? 1))));
