/** Calls that write one report or one run at the same time, from one process and from two. */
import assert from "node:assert/strict";
import { createReport } from "../../../src/wandb/tools/create_report.ts";
import { logAnalysis } from "../../../src/wandb/tools/log_analysis.ts";
import { startWandbSim, type WandbSim } from "../../support/wandb/mod.ts";
import { type Data, list, part, type Rig, rigOn } from "../harness.ts";
import { graphql } from "../seed.ts";

const HERE = { entity_name: "sim-team", project_name: "vision" };
const MAKE =
  `mutation { upsertModel(input: { entityName: "sim-team", name: "vision" }) { model { id } } }`;

async function projectOn(): Promise<WandbSim> {
  const sim = startWandbSim();
  await graphql(sim, MAKE, {});
  return sim;
}

async function project(sim: WandbSim, fields: string): Promise<Data> {
  const query = `{ project(entityName: "sim-team", name: "vision") { ${fields} } }`;
  return part(part(await graphql(sim, query, {}), "data"), "project");
}

/** The texts of the only report, in their order. */
async function readTexts(sim: WandbSim): Promise<string[]> {
  const data = await project(sim, "allViews { edges { node { spec } } }");
  const [edge] = list(part(data, "allViews")["edges"]);
  const { blocks } = JSON.parse(String(part(edge, "node")["spec"]));
  return list(blocks).flatMap((block) => list(block["children"]).map((one) => String(one["text"])))
    .filter((text) => text !== "");
}

function makeReport(on: Rig): Promise<Data> {
  return on.data(createReport, { ...HERE, title: "T", markdown_report_text: "first" });
}

function append(on: Rig, report: unknown, text: string): Promise<Data> {
  return on.data(createReport, { ...HERE, report_id: report, markdown_report_text: text });
}

Deno.test("create_report: concurrent additions are all kept", async () => {
  await using on = rigOn(await projectOn());
  const made = await makeReport(on);
  const texts = Array.from({ length: 6 }, (_, index) => `text ${index}`);
  const ids = [made["report_id"], String(made["report_id"]).replaceAll("=", ""), made["url"]];
  await Promise.all(texts.map((text, index) => append(on, ids[index % ids.length], text)));
  const stored = await readTexts(on.sim);
  assert.deepEqual(stored.toSorted(), ["first", ...texts]);
  assert.equal(stored[0], "first");
});

Deno.test("create_report: a call cancelled while waiting does not block the others", async () => {
  await using on = rigOn(await projectOn());
  const made = await makeReport(on);
  const args = { ...HERE, report_id: made["report_id"], markdown_report_text: "cancelled" };
  const gone = new AbortController();
  const calls = [
    append(on, made["report_id"], "second"),
    on.call(createReport, args, { signal: gone.signal }).then(() => "done", () => "ended"),
    append(on, made["report_id"], "third"),
  ];
  gone.abort();
  assert.equal((await Promise.all(calls))[1], "ended");
  assert.deepEqual((await readTexts(on.sim)).toSorted(), ["first", "second", "third"]);
});

/** A server that lets another write when it has carried out ours and not told us. */
function interrupted(target: string, operation: string, other: () => Promise<void>) {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (asked) => {
      const body = await asked.text();
      const headers = new Headers(asked.headers);
      headers.delete("content-length");
      const { pathname } = new URL(asked.url);
      const reply = await fetch(target + pathname, { method: asked.method, headers, body });
      const text = await reply.text();
      if (body.includes(operation)) await other();
      return new Response(text, {
        status: reply.status,
        headers: { "content-type": "application/json" },
      });
    },
  );
  return { url: `http://127.0.0.1:${server.addr.port}`, stop: () => server.shutdown() };
}

const REPORT = `query ($id: ID!) { view(id: $id) { spec } }`;
const WRITE = `mutation ($id: ID, $s: String) {
  upsertView(input: { id: $id, spec: $s }) { view { id } } }`;

async function readSpec(sim: WandbSim, id: unknown): Promise<string> {
  return String(part(part(await graphql(sim, REPORT, { id }), "data"), "view")["spec"]);
}

Deno.test("create_report: another process's overwrite is detected and reported", async () => {
  const sim = await projectOn();
  await using direct = rigOn(sim);
  const { report_id: id } = await makeReport(direct);
  // It has read the report before we wrote it.
  const stale = await readSpec(sim, id);
  let times = 0;
  const between = interrupted(sim.url, "mutation WriteReport", async () => {
    if (times++ === 0) await graphql(sim, WRITE, { id, s: stale });
  });
  try {
    const on = rigOn({ ...sim, url: between.url });
    const args = { ...HERE, report_id: id, markdown_report_text: "second" };
    const failure = await on.failure(createReport, args);
    assert.equal(failure["error"], "conflict");
    assert.match(String(failure["message"]), /another write at the same time has overwritten it/);
    assert.equal(failure["retryable"], true);
    assert.deepEqual(await readTexts(sim), ["first"]);
    await on.data(createReport, args);
    assert.deepEqual(await readTexts(sim), ["first", "second"]);
  } finally {
    await between.stop();
  }
});

Deno.test("create_report: blocks that another process adds after the first read are kept", async () => {
  const sim = await projectOn();
  await using direct = rigOn(sim);
  const { report_id: id } = await makeReport(direct);
  let times = 0;
  // The project is read between the first look at the report and the write.
  const between = interrupted(sim.url, "query ReportProject", async () => {
    if (times++ === 0) await append(direct, id, "theirs");
  });
  try {
    await append(rigOn({ ...sim, url: between.url }), id, "ours");
    assert.deepEqual(await readTexts(sim), ["first", "theirs", "ours"]);
  } finally {
    await between.stop();
  }
});

Deno.test("create_report: blocks that another process removed are reported", async () => {
  const sim = await projectOn();
  await using direct = rigOn(sim);
  const { report_id: id } = await makeReport(direct);
  const between = interrupted(sim.url, "mutation WriteReport", async () => {
    const { blocks, ...spec } = JSON.parse(await readSpec(sim, id));
    const kept = list(blocks).filter((block) => !JSON.stringify(block).includes("first"));
    await graphql(sim, WRITE, { id, s: JSON.stringify({ ...spec, blocks: kept }) });
  });
  try {
    const data = await append(rigOn({ ...sim, url: between.url }), id, "second");
    assert.match(JSON.stringify(data["notes"]), /1 of the blocks before it are gone/);
  } finally {
    await between.stop();
  }
});

Deno.test("create_report: blocks that the service adds members to do not count as removed", async () => {
  const sim = await projectOn();
  await using direct = rigOn(sim);
  const { report_id: id } = await makeReport(direct);
  const between = interrupted(sim.url, "mutation WriteReport", async () => {
    const { blocks, ...spec } = JSON.parse(await readSpec(sim, id));
    const more = list(blocks).map((block, index) => ({ ...block, added: `block-${index}` }));
    await graphql(sim, WRITE, { id, s: JSON.stringify({ ...spec, blocks: more }) });
  });
  try {
    const data = await append(rigOn({ ...sim, url: between.url }), id, "second");
    assert.equal(data["notes"], undefined);
    assert.deepEqual(await readTexts(sim), ["first", "second"]);
  } finally {
    await between.stop();
  }
});

Deno.test("log_analysis: two concurrent calls with one analysis_id make one complete run", async () => {
  await using on = rigOn(await projectOn());
  const calls = [1, 2, 3].map((ms) =>
    on.data(logAnalysis, {
      ...HERE,
      analysis_name: `n${ms}`,
      analysis_id: "same",
      data: [{ ms }, { ms }],
      scalars: { given: ms },
    })
  );
  const made = (await Promise.all(calls)).map((data) => data["created"]);
  assert.deepEqual(made.toSorted(), [false, false, true]);
  const data = await project(
    on.sim,
    "runs { edges { node { displayName state summaryMetrics } } }",
  );
  const runs = list(part(data, "runs")["edges"]).map((edge) => part(edge, "node"));
  assert.equal(runs.length, 1);
  const { given, ms_mean: mean } = JSON.parse(String(runs[0]?.["summaryMetrics"]));
  // All of it is one call's.
  assert.deepEqual([runs[0]?.["displayName"], mean], [`n${given}`, given]);
});
