// What a stop looks like to the user of a client.
import assert from "node:assert/strict";

// A denied tool call: the reason alone on the first line, then what to do about it.
export function assert_denied(result, reason) {
  assert.equal(result.isError, true, JSON.stringify(result));
  assert.equal(result.content[0].text.split("\n")[0], reason);
  assert.match(result.content[0].text, /not executed/i);
  assert.equal(result.structuredContent, undefined);
}

// Any other denied request: an error whose message begins with the reason.
export async function assert_refused(asking, reason) {
  await assert.rejects(asking, (error) => {
    const said = error.message.split("\n")[0].replace(/^MCP error -31000: /, "");
    assert.equal(said, reason);
    return true;
  });
}
