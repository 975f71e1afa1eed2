// The conformance suite of MCP says of a server the same whether the gate stands in front of it or not; and what a stop changes, exactly.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { behind_the_gate } from "./behind_the_gate.mjs";
import { different, failed, verdict } from "./verdict.mjs";

// It waits 600 ms for what it wants to see, which a busy machine may take longer for: so it has failed when it has three times, the last two alone.
const impatient = "server-stateless";

async function judged(world, url, revision, name) {
  const all = await verdict(world.place(name), ["server", "--url", url, "--requirements", revision]);
  for (const place of [`${name}_again`, `${name}_once_more`]) {
    if (!failed(all).includes(`server-${impatient}`)) break;
    const alone = await verdict(world.place(place), ["server", "--url", url, "--scenario", impatient, "--spec-version", revision]);
    Object.assign(all.found, alone.found);
    all.passed ||= alone.passed && failed(all).length === 0;
  }
  return all;
}

// No tool was approved as a read, so a stop of all writes ends each scenario that needs the answer of one, and nothing else.
const with_any = ["tools-call-audio", "tools-call-embedded-resource", "tools-call-image", "tools-call-mixed-content", "tools-call-with-progress"];
const inputs = ["basic-elicitation", "basic-list-roots", "basic-sampling", "capability-check", "multi-round", "multiple-input-requests", "request-state",
  "result-type", "tampered-state"];
const needs_a_tool = {
  "2025-11-25": [...with_any, "elicitation-sep1034-defaults", "elicitation-sep1330-enums", "tools-call-elicitation", "tools-call-sampling",
    "tools-call-with-logging"],
  "2026-07-28": [...with_any, ...inputs.map((name) => `input-required-result-${name}`), "http-custom-header-server-validation", "http-header-validation",
    "server-stateless"],
};

// A stop of all ends those, too, that need what a server only reads out.
const reads = ["completion-complete", "prompts-get-embedded-resource", "prompts-get-simple", "prompts-get-with-args", "prompts-get-with-image",
  "resources-read-binary", "resources-read-text", "resources-templates-read"];
const needs_a_read = {
  "2025-11-25": [...reads, "resources-subscribe", "resources-unsubscribe"],
  "2026-07-28": [...reads, "caching", "input-required-result-non-tool-request"],
};

// What pipes cannot carry: events with ids, to come back for; and what a header repeats of an argument, which the server alone could compare.
// A short answer over pipes is no stream of events.
const not_over_pipes = {
  "2025-11-25": ["server-sse-multiple-streams", "server-sse-polling"],
  "2026-07-28": ["http-custom-header-server-validation"],
};

const names = (scenarios) => scenarios.map((name) => `server-${name}`).sort();

async function compared(t, revision) {
  const { world, url, gate, command } = await behind_the_gate(t);
  const [direct, through] = await Promise.all([judged(world, url, revision, "direct"), judged(world, gate, revision, "through")]);
  assert.ok(direct.passed, "the server by itself");
  assert.ok(through.passed);
  assert.deepEqual(through.found, direct.found);
  const piped = await judged(world, command, revision, "piped");
  assert.deepEqual(different(piped, direct).sort(), names(not_over_pipes[revision]));
  assert.ok(piped.passed, "the same as a command");

  await world.stop("--tenant", "acme");
  const stopped = await judged(world, gate, revision, "stopped");
  const broken_by = (stop) => failed(stop).filter((name) => !failed(through).includes(name)).sort();
  assert.deepEqual(broken_by(stopped), names(needs_a_tool[revision]));

  await world.stop("--tenant", "acme", "--mode", "stop_all");
  assert.deepEqual(broken_by(await judged(world, gate, revision, "all_stopped")), names([...needs_a_tool[revision], ...needs_a_read[revision]]));
}

// One after the other, for the same reason.
describe("conformance", () => {
  for (const revision of ["2025-11-25", "2026-07-28"]) test(revision, (t) => compared(t, revision));
});
