/**
 * What the simulator believes of W&B's server and nobody has seen: whichever way it is, our answers
 * are the same.
 */
import assert from "node:assert/strict";
import { getRunHistory } from "../../src/wandb/tools/get_run_history.ts";
import { queryWandb } from "../../src/wandb/tools/query_wandb.ts";
import { list, part, type Rig, startRig } from "./harness.ts";
import { passMidnight } from "../support/midnight.ts";
import { seedRun } from "./seed.ts";

const HERE = { entity: "sim-team", project: "vision" };

async function answers(rig: Rig): Promise<unknown> {
  await passMidnight();
  for (let index = 0; index < 5; index++) {
    await seedRun(rig.sim, {
      ...HERE,
      run: `run${index}`,
      config: { "a.b": index, lr: index / 10 },
      summary: index === 4 ? {} : { loss: index },
      history: Array.from({ length: 30 }, (_, step) => ({ _step: step, loss: step })),
      exitcode: 0,
    });
  }
  await seedRun(rig.sim, {
    ...HERE,
    run: "fork",
    branch: { run_id: "run0", step: 9 },
    summary: { loss: 9 },
    history: Array.from({ length: 5 }, (_, at) => ({ _step: 10 + at, loss: at })),
    exitcode: 0,
  });
  const ids = async (args: Record<string, unknown>) =>
    list((await rig.data(queryWandb, { ...HERE, ...args }))["items"]).map(({ id }) => id);
  const history = await rig.data(getRunHistory, {
    ...HERE,
    run_id: "run0",
    keys: ["loss"],
    min_step: 5,
    max_step: 9,
  });
  const unknown = await rig.data(queryWandb, { ...HERE, filters: { "config.lr": { $gt: 9 } } });
  return {
    recent: await ids({ filters: { createdAt: { $gt: Date.now() - 3_600_000 } } }),
    today: await ids({ filters: { created_at: new Date().toISOString().slice(0, 10) } }),
    paged: await ids({ limit: 2, order: "+created_at" }),
    sorted: (await ids({ order: "-summary_metrics.loss" })).filter((id) => id !== "run4"),
    rows: list(history["rows"]),
    forked: list(
      (await rig.data(getRunHistory, { ...HERE, run_id: "fork", min_step: 10 }))["rows"],
    ),
    loss: part(part(history, "statistics"), "loss")["points"],
    note: unknown["note"],
  };
}

const OTHERWISE = [
  { numericTimes: "nothing" },
  { zonedTimes: false },
  { includesMaxStep: false },
  { missingFields: "first" },
  { refusesUnknownFields: false },
  { dottedConfigKeys: true },
  { nonFinite: "bare" },
  { introspection: false },
  { randomSampling: true },
  { inheritsHistory: true },
] as const;

Deno.test("answers do not depend on assumptions about the server", async () => {
  await using usual = startRig();
  const expected = await answers(usual);
  assert.deepEqual(usual.sim.defects, []);
  for (const behaviour of OTHERWISE) {
    await using rig = startRig({ behaviour });
    assert.deepEqual(await answers(rig), expected, JSON.stringify(behaviour));
  }
});
