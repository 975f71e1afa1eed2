// The servers: how each is started, one read, one write, and how the world shows that the write took effect.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const packages = join(import.meta.dirname, "node_modules");
const python = join(import.meta.dirname, "python/bin/python");
const node = (script, ...args) => [process.execPath, join(packages, script), ...args];

export const filesystem = {
  name: "filesystem",
  catalogue: { write_file: "write", read_text_file: "read" },
  start: (world, place) => ({ command: node("@modelcontextprotocol/server-filesystem/dist/index.js", world.place(place)) }),
  write: (world, place, name) => ["write_file", { path: join(world.dir, place, name), content: name }],
  read: (world, place, name) => ["read_text_file", { path: join(world.dir, place, name) }],
  happened: (world, place, name) => existsSync(join(world.dir, place, name)),
};

export const memory = {
  name: "memory",
  catalogue: { create_entities: "write", read_graph: "read" },
  start: (world, place) => ({
    command: node("@modelcontextprotocol/server-memory/dist/index.js"),
    env: { MEMORY_FILE_PATH: join(world.place(place), "memory.jsonl") },
  }),
  write: (world, place, name) => ["create_entities", { entities: [{ name, entityType: "note", observations: ["of this test"] }] }],
  read: () => ["read_graph", {}],
  happened: (world, place, name) => readFileSync(join(world.dir, place, "memory.jsonl"), "utf8").includes(`"${name}"`),
};

export const everything = {
  name: "everything",
  catalogue: { "gzip-file-as-resource": "write", "get-sum": "read" },
  start: () => ({ command: node("@modelcontextprotocol/server-everything/dist/index.js", "stdio") }),
  write: (world, place, name) => ["gzip-file-as-resource", { name, data: world.url(`${place}/${name}`), outputType: "resourceLink" }],
  read: () => ["get-sum", { a: 1, b: 2 }],
  happened: (world, place, name) => world.visits.includes(`/${place}/${name}`),
};

export const playwright = {
  name: "playwright",
  slow: true,
  catalogue: { browser_navigate: "write", browser_tabs: "read" },
  start: (world, place) => ({
    command: node("@playwright/mcp/cli.js", "--headless", "--no-sandbox", "--isolated", "--executable-path", "/usr/bin/chromium",
                  "--snapshot-mode", "none", "--output-dir", world.place(place)),
    env: { TMPDIR: world.place("tmp") },  // a browser that is killed leaves its files behind
  }),
  write: (world, place, name) => ["browser_navigate", { url: world.url(`${place}/${name}`) }],
  read: () => ["browser_tabs", { action: "list" }],
  happened: (world, place, name) => world.visits.includes(`/${place}/${name}`),
};

// A fixture, on a library that others wrote: see modern_server.py.
export const modern = {
  name: "2026-07-28",
  slow: true,
  catalogue: { note: "write", notes: "read" },
  start: (world, place) => ({ command: [python, join(import.meta.dirname, "modern_server.py"), world.place(place)] }),
  write: (world, place, name) => ["note", { name }],
  read: () => ["notes", {}],
  happened: filesystem.happened,
};

export const servers = [filesystem, memory, everything, playwright];
