/** Weave's chains on Weave's own trace servers: a client follows each prompt to the right answer. */
import assert from "node:assert/strict";
import { ResourceNotFoundError } from "@modelcontextprotocol/client";
import { shared } from "../../support/backend.ts";
import { manifestOf, WEAVE_SERVERS } from "../../support/weave/seeded.ts";
import { startWandbSim } from "../../support/wandb/mod.ts";
import { seedArtifact } from "../artifact_seed.ts";
import { seedRun } from "../seed.ts";
import { type Data, startFollower, stepsIn, uris } from "../../workflows/client.ts";
import { list, record } from "./harness.ts";

for (const backend of WEAVE_SERVERS) {
  const state = await shared(backend);
  const { traces, evaluations } = await manifestOf(state);
  const [entity = "", project = ""] = state.project.split("/");
  const AT = { entity, project };
  const PLACE = { entity_name: entity, project_name: project };

  const start = (more: Record<string, string> = {}) =>
    startFollower({
      WANDB_API_KEY: state.apiKey,
      WANDB_BASE_URL: state.url,
      WF_TRACE_SERVER_URL: state.url,
      WANDB_APP_URL: "https://app.example.test",
      WANDFLOW_TOOLSETS: "weave",
      ...more,
    });

  Deno.test(`triage: leads from failing calls to their sessions and the cause (${backend.name})`, async () => {
    await using follower = await start();
    const [find, count, roots, read, ...none] = stepsIn(
      await follower.prompt("triage_failing_calls", { ...AT, since: "7d" }),
    );
    assert.deepEqual(none, []);
    const time_range = { start: "7d" };
    const failed = await follower.follow(find, {
      filters: { status: "error", op_name: "tools.*", time_range },
    });
    const rows = list(failed["traces"]);
    const broken = ["agent-2", "agent-4", "agent-8", "agent-10"];
    const traceIds = broken.map((name) => String(traces.trace_ids[name]));
    assert.deepEqual(new Set(rows.map((row) => row["trace_id"])), new Set(traceIds));
    assert.equal(record(failed["metadata"])["total_matching_count"], broken.length);
    assert.ok(rows.every((row) => /search backend did not answer/.test(String(row["exception"]))));
    const all = await follower.follow(count, {
      ...PLACE,
      filters: { op_name: "tools.*", time_range },
    });
    assert.ok(Number(all["total_count"]) > broken.length);

    const sessions = record(
      (await follower.follow(roots, { ...PLACE, trace_ids: traceIds }))["roots"],
    );
    const rootIds = traceIds.map((id) => record(sessions[id])["id"]);
    assert.deepEqual(rootIds, broken.map((name) => traces.calls[name]));
    const full = await follower.follow(read, { ...PLACE, filters: { call_ids: rootIds } });
    const byId = new Map(list(full["traces"]).map((row) => [row["id"], row]));
    const statuses = rootIds.map((id) => byId.get(id)?.["status"]);
    // Two of the sessions went on without the search, two failed with it.
    assert.deepEqual(statuses, ["descendant_error", "error", "descendant_error", "error"]);
    const inputs = record(byId.get(rootIds[1])?.["inputs"]);
    assert.equal(inputs["fail"], "root");
  });

  Deno.test(`triage: if reports are configured, the causes are written to one (${backend.name})`, async () => {
    const sim = startWandbSim({ apiKey: state.apiKey });
    try {
      await seedRun(sim, { entity: "sim-team", project: "vision", run: "any" });
      await using follower = await start({
        WANDB_BASE_URL: sim.url,
        WANDFLOW_TOOLSETS: "weave,wandb.reports,wandb.runs",
      });
      const steps = stepsIn(await follower.prompt("triage_failing_calls", { ...AT, since: "7d" }));
      assert.equal(steps.length, 5);
      const [find, , roots, read, document] = steps;
      const failed = await follower.follow(find, {
        filters: { status: "error", op_name: "tools.*", time_range: { start: "7d" } },
      });
      const [row = {}] = list(failed["traces"]);
      const traceId = String(row["trace_id"]);
      const sessions = record(
        (await follower.follow(roots, { ...PLACE, trace_ids: [traceId] }))["roots"],
      );
      const root = record(sessions[traceId])["id"];
      const full = await follower.follow(read, { ...PLACE, filters: { call_ids: [root] } });
      assert.deepEqual(list(full["traces"]).map(({ id }) => id), [root]);
      const place = { entity_name: "sim-team", project_name: "vision" };
      const report = await follower.follow(document, {
        ...place,
        title: "Why calls fail",
        markdown_report_text: `# ${row["op_name"]}\n\n${row["exception"]}\n\n- \`${root}\``,
      });
      assert.equal(report["created"], true);
      const stored = await follower.call("query_wandb_tool", {
        ...place,
        resource: "report",
        fields: ["title", "spec"],
      });
      const [written = {}] = list(stored["items"]);
      assert.equal(written["title"], "Why calls fail");
      const text = JSON.stringify(written["spec"]);
      assert.match(text, /search backend did not answer/);
      assert.ok(text.includes(String(root)), text);
    } finally {
      await sim.stop();
    }
  });

  Deno.test(`explore: the schema tells what to query (${backend.name})`, async () => {
    await using follower = await start();
    const [schema, query, ...none] = stepsIn(await follower.prompt("explore_project", AT));
    assert.deepEqual(none, []);
    const learned = await follower.follow(schema, PLACE);
    assert.ok("support.agent" in record(learned["ops"]));
    const paths = list(learned["fields"]).map(({ path }) => path);
    assert.ok(paths.includes("inputs.attempt"));
    const found = await follower.follow(query, {
      ...PLACE,
      filters: { op_name: "support.agent", inputs: { attempt: { $gte: 10 } } },
      columns: ["id", "inputs.attempt"],
    });
    assert.deepEqual(
      new Set(list(found["traces"]).map(({ id }) => id)),
      new Set([traces.calls["agent-10"], traces.calls["agent-11"]]),
    );
  });

  Deno.test(`evals: comparing scores finds the better model (${backend.name})`, async () => {
    await using follower = await start();
    const [summarize, ...none] = stepsIn(
      await follower.prompt("compare_model_versions", { ...AT, evaluation: "facts-evaluation" }),
    );
    assert.deepEqual(none, [], "artifacts and reports are another room's");
    const result = await follower.follow(summarize, { eval_name: "facts-evaluation" });
    const rows = list(result["evaluations"]);
    const passed = (row: Data) => Number(record(record(row["scores"])["exact"])["passed"]);
    const { good, weak } = evaluations;
    for (const made of [good, weak]) {
      const row = rows.find(({ model }) => model === made.model) ?? {};
      assert.deepEqual([passed(row), row["errors"]], [made.exact_true, made.failed]);
    }
    const best = rows.toSorted((a, b) => passed(b) - passed(a))[0];
    assert.equal(best?.["model"], good.model);
    assert.ok(list(record(result["comparison"])["examples"]).length > 0);
  });

  Deno.test(`evals: shows what changed from the production version to the better one (${backend.name})`, async () => {
    const sim = startWandbSim({ apiKey: state.apiKey });
    try {
      const here = { entity: "sim-team", project: "vision", type: "model", collection: "answerer" };
      await seedRun(sim, { ...here, run: "train1" });
      const model = (name: string, lr: number) => JSON.stringify({ name, lr });
      await seedArtifact(sim, {
        ...here,
        files: { "weights.bin": "old" },
        metadata: model(evaluations.weak.model, 0.1),
        aliases: ["production", evaluations.weak.model],
      });
      await seedArtifact(sim, {
        ...here,
        files: { "weights.bin": "new weights" },
        metadata: model(evaluations.good.model, 0.01),
        aliases: [evaluations.good.model],
      });
      const collection = "sim-team/vision/answerer";
      await using follower = await start({
        WANDB_BASE_URL: sim.url,
        WANDFLOW_TOOLSETS: "weave,wandb.artifacts,wandb.reports,wandb.runs",
      });
      const [summarize, versions, compare, keep, share, ...more] = stepsIn(
        await follower.prompt("compare_model_versions", { ...AT, collection }),
      );
      assert.deepEqual(more, []);
      const ids = [evaluations.good.id, evaluations.weak.id];
      const result = await follower.follow(summarize, {
        eval_name: undefined,
        evaluation_ids: ids,
      });
      const [exact = {}] = list(record(result["comparison"])["scorers"])
        .filter(({ scorer }) => scorer === "exact");
      const values = record(exact["values"]);
      const best = ids.toSorted((a, b) => Number(values[b]) - Number(values[a]))[0];
      const winner = list(result["evaluations"]).find((row) => row["eval_id"] === best)?.["model"];
      const listed = list(
        (await follower.follow(versions, { collection_name: collection }))["versions"],
      );
      const named = (alias: unknown) =>
        listed.find(({ aliases }) => Array.isArray(aliases) && aliases.includes(alias))
          ?.["version"];
      assert.deepEqual([named("production"), named(winner)], ["v0", "v1"]);
      const changes = await follower.follow(compare, {
        artifact_name_a: `${collection}:${named("production")}`,
        artifact_name_b: `${collection}:${named(winner)}`,
      });
      assert.equal(changes["digest_match"], false);
      assert.match(JSON.stringify(changes["metadata_diff"]), /"lr"/);
      assert.match(JSON.stringify(changes["file_diff"]), /weights\.bin/);

      const place = { entity_name: "sim-team", project_name: "vision" };
      const kept = await follower.follow(keep, {
        ...place,
        analysis_name: "Scores by model",
        data: ids.map((id) => ({ evaluation: id, exact: values[id] })),
      });
      assert.equal(kept["row_count"], 2);
      const report = await follower.follow(share, {
        ...place,
        title: "Which model is best",
        markdown_report_text: `${winner} is best.`,
        panels: [{ type: "bar", metrics: ["exact_mean"], analysis_run_id: kept["run_id"] }],
      });
      const stored = await follower.call("query_wandb_tool", { ...place, resource: "report" });
      assert.match(JSON.stringify(stored["items"]), /Which model is best/);
      assert.match(
        String(report["url"]),
        /^https:\/\/app\.example\.test\/sim-team\/vision\/reports\//,
      );
    } finally {
      await sim.stop();
    }
  });

  Deno.test(`evaluations are suggested by name; a server that fails suggests nothing (${backend.name})`, async () => {
    await using follower = await start();
    const argument = { name: "evaluation", value: "facts" };
    const suggest = (given: Record<string, string>) =>
      follower.suggestions("compare_model_versions", argument, given);
    assert.deepEqual(await suggest(AT), ["facts-evaluation"]);
    assert.deepEqual(await suggest({}), []);
    const { completion } = await follower.client.complete({
      ref: { type: "ref/resource", uri: "weave://{entity}/{project}/evaluations/{evaluation_id}" },
      argument: { name: "evaluation_id", value: evaluations.good.id },
      context: { arguments: AT },
    });
    assert.deepEqual(completion.values, [evaluations.good.id]);
    await using stranger = await start({ WANDB_API_KEY: "0".repeat(40) });
    assert.deepEqual(await stranger.suggestions("compare_model_versions", argument, AT), []);
  });

  Deno.test(`calls and evaluations are read by their addresses, to which results link (${backend.name})`, async () => {
    await using follower = await start();
    const read = async (uri: string) => {
      const { contents: [content] } = await follower.client.readResource({ uri });
      assert.ok(content !== undefined && "text" in content);
      return record(JSON.parse(content.text));
    };
    const linked = async (name: string, args: Data) => {
      return uris(
        (await follower.client.callTool({ name, arguments: { ...PLACE, ...args } }))
          .structuredContent,
      );
    };
    const id = String(traces.calls["agent-4"]);
    const [call = ""] = await linked("query_weave_traces_tool", { filters: { call_ids: [id] } });
    assert.equal(call, `weave://${entity}/${project}/calls/${id}`);
    const [row = {}] = list((await read(call))["traces"]);
    assert.deepEqual([row["id"], record(row["inputs"])["attempt"]], [id, 4]);
    const many = await linked("query_weave_traces_tool", { filters: { op_name: "support.agent" } });
    assert.deepEqual(
      many.filter((uri) => uri.startsWith("weave:")),
      [],
      "none for rows of a search",
    );

    const { weak } = evaluations;
    const [evaluation = ""] = await linked("summarize_evaluation_tool", {
      evaluation_ids: [weak.id],
    });
    assert.equal(evaluation, `weave://${entity}/${project}/evaluations/${weak.id}`);
    assert.equal(list((await read(evaluation))["evaluations"])[0]?.["eval_id"], weak.id);

    for (const uri of [`${call}0`, `${evaluation}0`, `weave://${entity}/no-such/calls/${id}`]) {
      await assert.rejects(read(uri), (error) => {
        assert.ok(error instanceof ResourceNotFoundError, uri);
        return true;
      });
    }
  });
}
