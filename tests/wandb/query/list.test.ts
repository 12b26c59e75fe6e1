/** Lists of runs: filters mean what rows show, an empty answer is explained, a page is what it says. */
import assert from "node:assert/strict";
import { queryWandb } from "../../../src/wandb/tools/query_wandb.ts";
import { passMidnight } from "../../support/midnight.ts";
import { type Data, list, type Rig, startRig } from "../harness.ts";
import { graphql, seedRun } from "../seed.ts";

const HERE = { entity: "sim-team", project: "vision" };

async function seedRuns(rig: Rig, count: number, from = 0): Promise<void> {
  for (let index = from; index < from + count; index++) {
    await seedRun(rig.sim, {
      ...HERE,
      run: `run${String(index).padStart(3, "0")}`,
      displayName: `brisk-${index}`,
      config: { i: index, "opt.name": "adam", kind: "cnn", none: null },
      summary: { acc: { max: index / 10 }, loss: index },
      tags: ["keep"],
      group: "sweepers",
      exitcode: 0,
    });
  }
}

const ask = (rig: Rig, args: Data) => rig.data(queryWandb, { ...HERE, ...args });
const idsOf = (data: Data) => list(data["items"]).map(({ id }) => id);

Deno.test("filters and orders agree with what rows show", async () => {
  await passMidnight();
  await using rig = startRig();
  await seedRuns(rig, 12);
  for (
    const filters of [
      { name: "brisk-2" },
      { name: "run002" },
      { id: "run002" },
      { name: { $regex: "^brisk-2$" } },
      { id: { $in: ["run002", "x"] } },
      { name: { $in: ["brisk-2"] } },
    ]
  ) assert.deepEqual(idsOf(await ask(rig, { filters })), ["run002"], JSON.stringify(filters));
  assert.equal((await ask(rig, { filters: { name: { $ne: "brisk-2" } } }))["total"], 11);
  const names = list((await ask(rig, { order: "-name", limit: 3 }))["items"]);
  assert.deepEqual(names.map(({ name }) => name), ["brisk-9", "brisk-8", "brisk-7"]);
  assert.deepEqual(idsOf(await ask(rig, { order: "-id", limit: 2 })), ["run011", "run010"]);
  const today = new Date().toISOString().slice(0, 10);
  for (
    const [createdAt, total] of [
      [{ $gt: "7d" }, 12],
      [{ $gt: "2 hours ago" }, 12],
      [{ $lt: "yesterday" }, 0],
      [today, 12],
      [{ $gte: today, $lte: today }, 12],
      [{ $gt: Math.floor(Date.now() / 1000) - 3600 }, 12],
      [{ $gt: Date.now() + 3_600_000 }, 0],
    ] as const
  ) {
    const data = await ask(rig, { filters: { createdAt } });
    assert.equal(data["total"], total, JSON.stringify(createdAt));
  }
  const dotless = await ask(rig, { filters: { "config.i": { gt: 9 } } });
  assert.equal(dotless["total"], 2);
  assert.match(String(dotless["note"]), /read as if they had their \$/);
});

Deno.test("an empty answer says why, and its hint finds the runs", async () => {
  await using rig = startRig();
  await seedRuns(rig, 5);
  await graphql(
    rig.sim,
    `mutation S { upsertSweep(input: {entityName: "sim-team", projectName: "vision",
      displayName: "Grid", config: "method: random\\nparameters:\\n  lr:\\n    min: 0\\n    max: 1\\n"}) {
      sweep { name } } }`,
    {},
  );
  const note = async (filters: Data) => {
    const data = await ask(rig, { filters });
    assert.equal(data["total"], 0, JSON.stringify(filters));
    return String(data["note"]);
  };
  assert.match(
    await note({ "config.i": "2" }),
    /config\.i holds numbers such as \d, not texts: compare it with 2\./,
  );
  assert.equal((await ask(rig, { filters: { "config.i": 2 } }))["total"], 1);
  assert.match(
    await note({ "summary_metrics.acc": { $gt: 0.2 } }),
    /acc is \{"max":[\d.]+\}, not a plain value: ask for summary_metrics\.acc\.max\./,
  );
  assert.equal(
    (await ask(rig, { filters: { "summary_metrics.acc.max": { $gt: 0.2 } } }))["total"],
    2,
  );
  assert.match(
    await note({ "config.opt.name": "adam" }),
    /config\.opt\.name has a dot in its name/,
  );
  assert.match(await note({ "config.kind": "cnm" }), /config\.kind is cnn; did you mean "cnn"\?/);
  assert.match(await note({ "config.i": { $gt: 100 } }), /config\.i is between 0 and 4\./);
  assert.match(await note({ group: "sweeper" }), /group "sweeper"; did you mean "sweepers"\?/);
  assert.match(await note({ tags: "kep" }), /did you mean "keep"\?/);
  assert.match(await note({ createdAt: { $gt: "now" } }), /newest run was created at \d{4}-/);
  const sweep = await note({ sweep: "Grid" });
  assert.match(sweep, /"Grid" is a sweep's display name; its id is \w+: \{"sweep":"\w+"\}/);
  const sql = await rig.failure(queryWandb, { ...HERE, filters: "state = 'running'" });
  assert.equal(sql["message"], '`filters`: expected an object such as {"state":"finished"}.');
  const hint = await rig.failure(queryWandb, { ...HERE, filters: { "eval/loss": 1 } });
  assert.match(String(hint["hint"]), /summary_metrics\.eval\/loss/);
  const other = await ask(rig, { filters: { "summary_metrics['loss']": 3 } });
  assert.deepEqual(idsOf(other), ["run003"]);
});

Deno.test("an order by a metric that is an object is reported", async () => {
  await using rig = startRig();
  await seedRuns(rig, 3);
  const wrong = await ask(rig, { order: "-summary_metrics.acc" });
  assert.match(String(wrong["note"]), /not a plain value: ask for summary_metrics\.acc\.max\./);
  const right = await ask(rig, { order: "-summary_metrics.acc.max" });
  assert.deepEqual([idsOf(right)[0], "note" in right], ["run002", false]);
});

Deno.test("a run added between pages repeats none and hides none", async () => {
  for (const order of [undefined, "-summary_metrics.loss", "+created_at", "-name"]) {
    await using rig = startRig();
    await seedRuns(rig, 7);
    const first = await ask(rig, { limit: 3, ...(order ? { order } : {}) });
    await seedRuns(rig, 2, 90);
    const rest: Data[] = [];
    let cursor = first["next_cursor"];
    while (cursor !== undefined) {
      const page = await ask(rig, { limit: 3, cursor, ...(order ? { order } : {}) });
      rest.push(...list(page["items"]));
      cursor = page["next_cursor"];
    }
    const ids = [...idsOf(first), ...rest.map(({ id }) => id)];
    assert.equal(new Set(ids).size, ids.length, `${order}: ${ids}`);
    assert.deepEqual(
      ids.filter((id) => Number(String(id).slice(3)) < 90).toSorted(),
      [0, 1, 2, 3, 4, 5, 6].map((index) => `run00${index}`),
    );
  }
});

Deno.test("duplicates are listed once, and items that may be missing are reported", async () => {
  await using rig = startRig();
  const node = (name: string) => ({ name, displayName: name, createdAt: "2026-11-06T00:00:00" });
  const page = (names: string[], hasNextPage: boolean, endCursor: string) => ({
    kind: "body" as const,
    body: JSON.stringify({
      data: {
        project: {
          list: {
            totalCount: 4,
            pageInfo: { hasNextPage, endCursor },
            edges: names.map((name) => ({ cursor: name, node: node(name) })),
          },
        },
      },
    }),
    times: 1,
  });
  rig.sim.faults.add(page(["a", "b"], true, "b"));
  rig.sim.faults.add(page(["b", "c"], false, "c"));
  const data = await ask(rig, {});
  assert.deepEqual(idsOf(data), ["a", "b", "c"]);
  assert.match(String(data["note"]), /1 of 4 are missing: runs were added, changed or removed/);
});

Deno.test("a page that fails is reported, and those before it are kept", async () => {
  await using rig = startRig();
  await seedRuns(rig, 1);
  const body = (cursor: string) => ({
    kind: "body" as const,
    body: JSON.stringify({
      data: {
        project: {
          list: {
            totalCount: 9,
            pageInfo: { hasNextPage: true, endCursor: cursor },
            edges: [{ cursor, node: { name: cursor } }],
          },
        },
      },
    }),
    times: 1,
  });
  rig.sim.faults.add(body("a"));
  rig.sim.faults.add({ kind: "status", status: 403 });
  const data = await ask(rig, { limit: 9 });
  assert.deepEqual([idsOf(data), data["has_more"]], [["a"], true]);
  assert.match(String(data["note"]), /Page 2 failed: W&B does not permit this/);
  assert.match(String(data["next_cursor"]), /\|a$/);
});

Deno.test("a server with endless short pages is asked only a few times", async () => {
  let asked = 0;
  await using rig = startRig();
  for (const args of [{ max_items: 1000 }, { query: RUNS, max_items: 10_000 }]) {
    asked = 0;
    const wandb = {
      ...rig.wandb,
      open: (signal: AbortSignal) => {
        const session = rig.wandb.open(signal);
        const page = () => {
          asked++;
          const edges = [{ cursor: `c${asked}`, node: { id: `n${asked}`, name: `r${asked}` } }];
          const runs = { edges, pageInfo: { hasNextPage: true, endCursor: `c${asked}` } };
          return { project: { list: runs, runs } };
        };
        return {
          ...session,
          ask: <T>(_: string, __: unknown, shape: { parse(value: unknown): T }) =>
            Promise.resolve({ data: shape.parse(page()), problems: [] }),
          query: () => Promise.resolve({ data: page(), problems: [] }),
        };
      },
    };
    const context = { signal: new AbortController().signal, wandb };
    const outcome = await queryWandb.call({ ...HERE, ...args }, { ...rig.context(), ...context });
    assert.ok(outcome.kind === "reply");
    assert.ok(asked < 250, `${asked} requests`);
    assert.match(JSON.stringify(outcome.reply.data), /few items at a time/);
  }
});

const RUNS = `{ project(entityName: "sim-team", name: "vision") {
  runs { edges { cursor node { id name } } pageInfo { hasNextPage endCursor } } } }`;

Deno.test("a config value of None is null, and duration and environment can be selected", async () => {
  await using rig = startRig();
  await seedRuns(rig, 1);
  await graphql(
    rig.sim,
    `mutation { upsertBucket(input: { entityName: "sim-team", modelName: "vision", name: "run000",
      jobProgram: "train.py", host: "gpu-7", commit: "abc" }) { bucket { id } } }`,
    {},
  );
  const fields = ["config.none", "duration", "environment", "host", "commit", "user"];
  const [run] = list(
    (await ask(rig, { fields: [...fields, "createdAt", "heartbeatAt"] }))["items"],
  );
  assert.deepEqual([run?.["environment"], run?.["host"], run?.["commit"]], [
    { program: "train.py" },
    "gpu-7",
    "abc",
  ]);
  const [from, to] = [run?.["created_at"], run?.["heartbeat_at"]].map((time) =>
    Date.parse(String(time))
  );
  assert.equal(run?.["duration"], ((to ?? 0) - (from ?? 0)) / 1000);
  assert.deepEqual(run?.["config"], { none: null });
  assert.equal(typeof run?.["duration"], "number");
  assert.equal(typeof run?.["user"], "string");
});
