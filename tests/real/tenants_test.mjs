// A stop is for exactly its scope, and a client that comes while it stands gets its session.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { sdk } from "./clients.mjs";
import { assert_denied } from "./seen.mjs";
import { filesystem } from "./servers.mjs";
import { World } from "./world.mjs";

async function two(t) {
  const world = await World.open(t, filesystem.catalogue);
  const as = (tenant) => sdk.connect(world, world.wrap(filesystem.start(world, "files"), tenant));
  const write = ({ call }, name) => call(...filesystem.write(world, "files", name));
  const on_disk = (name) => filesystem.happened(world, "files", name);
  return { world, as, write, on_disk };
}

describe("tenants", { concurrency: 2 }, () => {
  test("a stopped tenant's file does not appear on the disk, another's does", async (t) => {
    const { world, as, write, on_disk } = await two(t);
    const [acme, globex] = [await as("acme"), await as("globex")];
    assert.ok(!(await write(acme, "before")).isError);
    await world.stop("--tenant", "acme");
    assert_denied(await write(acme, "during"), "killed: writes_disabled:write_file");
    assert.ok(!on_disk("during"));
    assert.ok(!(await write(globex, "other")).isError);
    assert.ok(on_disk("other"));
  });

  test("a read that only the server calls a read is a write", async (t) => {
    const { world, as } = await two(t);
    const acme = await as("acme");
    const info = () => acme.call("get_file_info", { path: `${world.dir}/files` });
    assert.ok(!(await info()).isError);
    await world.stop("--tenant", "acme");
    assert_denied(await info(), "killed: writes_disabled:get_file_info");
  });

  test("a client that starts while its tenant is stopped gets its session and its tools", async (t) => {
    const { world, as, write, on_disk } = await two(t);
    assert.ok(!(await write(await as("acme"), "before")).isError);
    await world.stop("--tenant", "acme", "--mode", "stop_all");
    const late = await as("acme");
    assert.ok((await late.tools()).includes("write_file"));
    assert_denied(await write(late, "during"), "killed: stop_all");
    assert.ok(!on_disk("during"));
    await world.resume();
    assert.ok(!(await write(late, "after")).isError);
  });
});
