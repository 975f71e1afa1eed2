// The same on Node's own HTTP and JSON.
import { createServer } from "node:http";
import { gunzipSync } from "node:zlib";

const ran = {};

function run(body, coding) {
  try {
    const said = JSON.parse((coding === "gzip" ? gunzipSync(body) : body).toString().replace(/^\uFEFF/, ""));
    for (const message of [said].flat())
      if (message.method === "tools/call") ran[message.params.name] = (ran[message.params.name] ?? 0) + 1;
  } catch {
    // it was none
  }
}

createServer({ keepAliveTimeout: 100 }, async (request, response) => {
  const chunks = [];
  try {
    for await (const chunk of request) chunks.push(chunk);
  } catch {
    return;  // it ended in the middle
  }
  if (request.method === "POST") run(Buffer.concat(chunks), request.headers["content-encoding"]);
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(request.method === "GET" ? ran : { jsonrpc: "2.0", id: 1, result: { content: [] } }));
}).listen(0, "127.0.0.1", function () {
  console.log(this.address().port);
});
