// "No browser today": the agent keeps its other tools, and no page is visited, whatever it tries.
import assert from "node:assert/strict";
import { test } from "node:test";

import { sdk } from "./clients.mjs";
import { assert_denied } from "./seen.mjs";
import { filesystem, playwright } from "./servers.mjs";
import { World } from "./world.mjs";

// Every way to a page that the server's tools have.
const WAYS = (url) => [
  ["browser_navigate", { url }],
  ["browser_tabs", { action: "new", url }],
  ["browser_evaluate", { function: `() => fetch(${JSON.stringify(url)}).then((answer) => answer.status)` }],
  ["browser_run_code_unsafe", { code: `async (page) => { await page.goto(${JSON.stringify(url)}); }` }],
];

test("no browser today: no page is visited, files are still written", async (t) => {
  const world = await World.open(t);
  const browser = await sdk.connect(world, world.wrap(playwright.start(world, "browser")));
  const files = await sdk.connect(world, world.wrap(filesystem.start(world, "files")));
  for (const [tool, given] of WAYS(world.url("open"))) {
    const before = world.visits.length;
    const result = await browser.call(tool, given);
    assert.ok(!result.isError, JSON.stringify(result));
    assert.ok(world.visits.length > before, `${tool} is a way to the page`);
  }

  const visited = world.visits.length;
  world.may_match_nothing = true;  // most of these tools were never called
  for (const tool of await browser.tools()) await world.stop("--tool", tool);
  for (const [tool, given] of WAYS(world.url("stopped"))) assert_denied(await browser.call(tool, given), `killed: tool_disabled:${tool}`);
  assert.equal(world.visits.length, visited);
  assert.ok(!(await files.call(...filesystem.write(world, "files", "meanwhile"))).isError);
  assert.ok(filesystem.happened(world, "files", "meanwhile"));

  await world.resume();
  assert.ok(!(await browser.call(...WAYS(world.url("after"))[0])).isError);
  assert.ok(world.visits.includes("/after"));
});
