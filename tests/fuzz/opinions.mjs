// Does Node's parser (llhttp) read the requests that the gate accepts as the gate does? As they came, and as they go on.
//   opinions.mjs READINGS DIRECTORY…    READINGS is the program of readings.cc
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { createServer, METHODS } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";

const [program, ...directories] = process.argv.slice(2);
const files = directories.flatMap((directory) => readdirSync(directory).map((name) => join(directory, name)));
const readings = execFileSync(program, files, { encoding: "utf8", maxBuffer: 1 << 28 }).trim().split("\n").map((line) => JSON.parse(line));

// What it says of one connection's bytes: each request that it reads, and what it does not understand.
let seen;
const server = createServer((request, response) => {
  const read = { method: request.method, target: request.url, body: 0 };
  seen.push(read);
  request.on("data", (part) => (read.body += part.length));
  request.on("end", () => ((read.whole = true), response.end()));
});
server.on("checkExpectation", (request, response) => server.emit("request", request, response));
server.on("clientError", (error, socket) => (seen.push(error.code), socket.destroy()));

async function opinion(bytes) {
  seen = [];
  const peer = connect(server.address().port, "127.0.0.1");
  peer.on("error", () => {});
  peer.end(bytes);
  peer.resume();
  await once(peer, "close");
  return seen;
}

server.listen(0, "127.0.0.1");
await once(server, "listening");
let different = 0, refused = 0;
for (const { file, method, target, body, ...forms } of readings)
  for (const [form, hex] of Object.entries(forms)) {
    const said = await opinion(Buffer.from(hex, "hex"));
    const wanted = [{ method, target, body, whole: true }];
    if (isDeepStrictEqual(said, wanted)) continue;
    if (isDeepStrictEqual(said, ["HPE_INVALID_METHOD"]) && !METHODS.includes(method) && ++refused) continue;  // it knows them by name
    ++different;
    console.log(`${file}, ${form}: Node reads ${JSON.stringify(said)}, the gate ${JSON.stringify(wanted)}`);
  }
server.close();
console.log(`${files.length} inputs, ${readings.length} accepted; ${refused} with a method unknown to Node, ${different} read otherwise by Node ${process.version}`);
process.exit(different > 0 || readings.length === 0 ? 1 : 0);
