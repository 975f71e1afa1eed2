// The conformance suite of MCP says of a client the same whether the gate stands before the suite's server or not.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";

import { failed, verdict } from "./verdict.mjs";

// What a server says of itself in OAuth's metadata names its public address, and a client must not take it from another one: so these pass only
// where that address leads to the gate. The two besides these are passed by refusing.
const authorization = [
  "basic-cimd", "metadata-default", "metadata-var1", "metadata-var2", "metadata-var3", "pre-registration", "scope-from-scopes-supported",
  "scope-from-www-authenticate", "scope-omitted-when-undefined", "scope-retry-limit", "scope-step-up", "token-endpoint-auth-basic",
  "token-endpoint-auth-none", "token-endpoint-auth-post",
];
const of_the_new_era = [
  "authorization-server-migration", "iss-normalized", "iss-not-advertised", "iss-supported", "iss-supported-missing", "iss-unexpected",
  "iss-wrong-issuer", "offline-access-not-supported", "offline-access-scope",
];
const needs_its_address = { "2025-11-25": authorization, "2026-07-28": [...authorization, ...of_the_new_era] };

// What a scenario cannot see because the call that shows it was denied.
const needs_a_tool = {
  "2025-11-25": ["auth/scope-step-up", "elicitation-sep1034-client-defaults", "tools_call"],
  "2026-07-28": ["auth/scope-step-up", "http-custom-headers", "http-invalid-tool-headers", "sep-2322-client-request-state", "tools_call"],
};

const command = `${process.execPath} ${join(import.meta.dirname, "conformance_client.mjs")}`;

async function compared(t, revision) {
  const place = mkdtempSync(join(tmpdir(), "notaus-conformance-"));
  t.after(() => rmSync(place, { recursive: true, force: true }));
  const words = ["client", "--command", command, "--requirements", revision, "--timeout", "300000"];  // it runs all scenarios at once
  const judged = (way) => verdict(join(place, way || "direct"), words, { THROUGH: way });
  const direct = await judged("");
  assert.ok(direct.passed, "the client by itself");
  const through = await judged("public");
  assert.deepEqual(through.found, direct.found);
  assert.ok(through.passed);
  const broken_by = (other) => failed(other).filter((name) => !failed(direct).includes(name)).sort();
  assert.deepEqual(broken_by(await judged("gate")), needs_its_address[revision].map((name) => `auth/${name}`).sort());
  assert.deepEqual(broken_by(await judged("stopped")), needs_a_tool[revision]);
}

describe("conformance of a client", () => {
  for (const revision of ["2025-11-25", "2026-07-28"]) test(revision, (t) => compared(t, revision));
});
