/** W&B's chains on the simulator: a client follows each prompt to the right answer. */
import assert from "node:assert/strict";
import { ResourceNotFoundError } from "@modelcontextprotocol/client";
import { startWandbSim, type WandbSim } from "../support/wandb/mod.ts";
import { type Data, startFollower, stepsIn, uris } from "../workflows/client.ts";
import { list, part } from "./harness.ts";
import { seedRun } from "./seed.ts";

const AT = { entity: "sim-team", project: "vision" };
const STEPS = 200;

function environment(sim: WandbSim): Record<string, string> {
  return {
    WANDB_BASE_URL: sim.url,
    WANDB_API_KEY: sim.apiKey,
    WANDB_APP_URL: "https://app.example.test",
  };
}

/** A good run, and one whose learning rate made its loss grow until it was no number. */
async function seedTraining(sim: WandbSim): Promise<void> {
  const curve = (loss: (step: number) => number) =>
    Array.from({ length: STEPS }, (_, step) => ({
      _step: step,
      "train/loss": loss(step),
      "val/loss": loss(step) * 1.1,
    }));
  const shared = { ...AT, group: "sweep-1" };
  await seedRun(sim, {
    ...shared,
    run: "good1",
    displayName: "calm-lake-1",
    config: { lr: 0.001, depth: 3 },
    summary: { "train/loss": 0.2, "val/loss": 0.22 },
    history: curve((step) => 0.2 + 2 * Math.exp(-step / 30)),
    exitcode: 0,
  });
  await seedRun(sim, {
    ...shared,
    run: "bad1",
    displayName: "wild-storm-2",
    config: { lr: 0.5, depth: 3 },
    summary: { "train/loss": NaN, "val/loss": NaN },
    history: curve((step) => step < 120 ? 1 + Math.exp(step / 30) : NaN),
    exitcode: 1,
  });
}

Deno.test("diagnose: curves, diagnosis and comparison lead to the learning rate", async () => {
  const sim = startWandbSim();
  try {
    await seedTraining(sim);
    await using follower = await startFollower(environment(sim));
    const [history, diagnose, compare, share, ...none] = stepsIn(
      await follower.prompt("diagnose_training_run", {
        ...AT,
        run_id: "bad1",
        baseline_run_id: "good1",
      }),
    );
    const curves = await follower.follow(history);
    const keys: unknown = curves["keys_returned"];
    assert.ok(Array.isArray(keys) && keys.includes("train/loss") && keys.includes("val/loss"));
    const health = await follower.follow(diagnose);
    const findings = list(health["findings"]).map((one) => JSON.stringify(one)).join("\n");
    assert.match(findings, /nan/i);
    assert.equal(health["run_name"], "wild-storm-2");
    const differences = await follower.follow(compare, {
      entity_name: AT.entity,
      project_name: AT.project,
      run_id_a: "good1",
      run_id_b: "bad1",
    });
    assert.deepEqual(Object.keys(part(part(differences, "config_diff"), "changed")), ["lr"]);
    assert.ok("train/loss" in part(differences, "history_comparison"));
    assert.deepEqual(none, []);
    const report = await follower.follow(share, {
      entity_name: AT.entity,
      project_name: AT.project,
      title: "Why wild-storm-2 diverged",
      markdown_report_text: "Its learning rate is 500 times that of calm-lake-1.",
      panels: [{ type: "line", x: "_step", y: ["train/loss"], run_ids: ["good1", "bad1"] }],
    });
    assert.equal(report["created"], true);
    const stored = await follower.call("query_wandb_tool", { ...AT, resource: "report" });
    assert.match(JSON.stringify(stored["items"]), /Why wild-storm-2 diverged/);
  } finally {
    await sim.stop();
  }
});

Deno.test("explore: from the key alone to the best run", async () => {
  const sim = startWandbSim();
  try {
    await seedTraining(sim);
    await using follower = await startFollower({ ...environment(sim), WANDFLOW_TOOLSETS: "wandb" });
    const [entities, projects, probe, query, ...none] = stepsIn(
      await follower.prompt("explore_project", {}),
    );
    assert.deepEqual(none, []);
    const reachable = list((await follower.follow(entities))["entities"]).map(({ name }) => name);
    assert.ok(reachable.includes(AT.entity));
    const found = part(
      (await follower.follow(projects, { entity: AT.entity }))["projects"],
      AT.entity,
    );
    assert.ok(list(found).some(({ name }) => name === AT.project));
    const place = { entity_name: AT.entity, project_name: AT.project };
    const keys = Object.keys(part(await follower.follow(probe, place), "metric_keys"));
    const metric = keys.find((key) => /val.*loss/.test(key));
    assert.equal(metric, "val/loss");
    const best = await follower.follow(query, {
      ...AT,
      filters: { state: "finished" },
      order: `+summary_metrics.${metric}`,
      fields: ["name", `summary.${metric}`],
      limit: 1,
    });
    assert.equal(list(best["items"])[0]?.["name"], "calm-lake-1");
  } finally {
    await sim.stop();
  }
});

Deno.test("entities, projects and runs are suggested, runs also by their display names", async () => {
  const sim = startWandbSim();
  try {
    await seedTraining(sim);
    await using follower = await startFollower(environment(sim));
    const suggest = (name: string, value: string, given?: Record<string, string>) =>
      follower.suggestions("diagnose_training_run", { name, value }, given);
    assert.deepEqual(await suggest("entity", "sim-t"), ["sim-team"]);
    assert.ok((await suggest("project", "", { entity: AT.entity })).includes("vision"));
    assert.deepEqual((await suggest("run_id", "", AT)).toSorted(), ["bad1", "good1"]);
    assert.deepEqual(await suggest("run_id", "wild", AT), ["bad1"]);
    assert.deepEqual(await suggest("baseline_run_id", "go", AT), ["good1"]);
    assert.deepEqual(await suggest("run_id", "", { ...AT, project: "no such" }), []);
    await using stranger = await startFollower({
      ...environment(sim),
      WANDB_API_KEY: "0".repeat(40),
    });
    const argument = { name: "entity", value: "" };
    assert.deepEqual(await stranger.suggestions("diagnose_training_run", argument), []);
  } finally {
    await sim.stop();
  }
});

Deno.test("a run is read by its address, to which its tools link", async () => {
  const sim = startWandbSim();
  try {
    await seedTraining(sim);
    await using follower = await startFollower(environment(sim));
    const { structuredContent } = await follower.client.callTool({
      name: "diagnose_run_tool",
      arguments: { entity_name: AT.entity, project_name: AT.project, run_id: "good1" },
    });
    const links = uris(structuredContent);
    assert.deepEqual(links, ["wandb://sim-team/vision/runs/good1"]);
    const { contents: [read] } = await follower.client.readResource({ uri: String(links[0]) });
    assert.ok(read !== undefined && "text" in read);
    const run: Data = list(part({ data: JSON.parse(read.text) }, "data")["items"])[0] ?? {};
    assert.deepEqual(
      [run["name"], run["state"], run["url"]],
      ["calm-lake-1", "finished", "https://app.example.test/sim-team/vision/runs/good1"],
    );
    assert.deepEqual(part(run, "config"), { lr: 0.001, depth: 3 });
    for (
      const uri of ["wandb://sim-team/vision/runs/none", "wandb://sim-team/no-such/runs/good1"]
    ) {
      await assert.rejects(follower.client.readResource({ uri }), (error) => {
        assert.ok(error instanceof ResourceNotFoundError, uri);
        return true;
      });
    }
    const requests = sim.requests.length;
    for (const uri of ["wandb://sim-team/vision/runs/..%2F..", "wandb://sim-team/../runs/good1"]) {
      await assert.rejects(follower.client.readResource({ uri }), /cannot be an id or a name/);
    }
    assert.equal(sim.requests.length, requests, "hostile addresses reach no server");
  } finally {
    await sim.stop();
  }
});
