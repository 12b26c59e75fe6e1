/** What writes to W&B does so once, and tells the truth of it when a reply is lost. */
import assert from "node:assert/strict";
import { createReport } from "../../../src/wandb/tools/create_report.ts";
import { logAnalysis } from "../../../src/wandb/tools/log_analysis.ts";
import { losingProxy, type Loss } from "../../support/losing_proxy.ts";
import { slowTests } from "../../support/slow.ts";
import { startWandbSim } from "../../support/wandb/mod.ts";
import { type Data, list, part, rigOn } from "../harness.ts";
import { graphql } from "../seed.ts";

const HERE = { entity_name: "sim-team", project_name: "vision" };
const ANALYSIS = { ...HERE, analysis_name: "latency", data: [{ ms: 1 }, { ms: 3 }] };

const LOSSES: readonly Loss[] = [
  { when: "before it acts" },
  { when: "while it acts" },
  { when: "after it has acted" },
  { when: "before it acts", status: 502 },
  { when: "after it has acted", status: 502 },
  { when: "before it acts", status: 503 },
  { when: "after it has acted", status: 503 },
  { when: "before it acts", status: 504 },
  { when: "after it has acted", status: 504 },
];

function isRead(method: string, path: string, body: string): boolean {
  return method === "GET" || (path === "/graphql" && !body.startsWith('{"query":"mutation'));
}

/** A simulator behind a proxy, our client on the proxy, and what the simulator holds. */
async function lossy(loss: Loss, connections: "fresh" | "kept", timeoutMs = 20_000) {
  const sim = startWandbSim();
  await graphql(
    sim,
    `mutation { upsertModel(input: { entityName: "sim-team", name: "vision" }) { model { id } } }`,
    {},
  );
  const direct = rigOn(sim);
  const report = await direct.data(createReport, {
    ...HERE,
    title: "Old",
    markdown_report_text: "one",
  });
  const proxy = losingProxy(sim.url, loss, connections, isRead);
  const rig = rigOn({ ...sim, url: proxy.uri }, { timeoutMs });
  const project = async (fields: string): Promise<Data> => {
    const query = `{ project(entityName: "sim-team", name: "vision") { ${fields} } }`;
    return part(part(await graphql(sim, query, {}), "data"), "project");
  };
  return {
    rig,
    direct,
    proxy,
    report: report["report_id"],
    runs: async () => {
      const fields = "runs { edges { node { name state historyLineCount summaryMetrics } } }";
      return list(part(await project(fields), "runs")["edges"]).map((edge) => part(edge, "node"));
    },
    reports: async () => {
      const fields = 'allViews(viewType: "runs") { edges { node { displayName spec } } }';
      return list(part(await project(fields), "allViews")["edges"])
        .map((edge) => part(edge, "node"));
    },
    [Symbol.asyncDispose]: async () => {
      await rig[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
    },
  };
}

const cases: Record<string, () => Promise<void>> = {};
for (const loss of LOSSES) {
  for (const connections of ["fresh", "kept"] as const) {
    const how = `${loss.status ?? "a lost connection"} ${loss.when}, ${connections} connections`;

    cases[`an analysis: ${how}`] = async () => {
      await using made = await lossy({ ...loss, times: 1 }, connections);
      const data = await made.rig.data(logAnalysis, ANALYSIS);
      assert.equal(data["created"], true);
      const [run, ...others] = await made.runs();
      assert.deepEqual(others, []);
      assert.deepEqual([run?.["name"], run?.["state"], run?.["historyLineCount"]], [
        data["run_id"],
        "finished",
        1,
      ]);
      assert.match(
        String(run?.["summaryMetrics"]),
        /"ms_mean":2.*"analysis":\{"_type":"table-file"/,
      );
      // Each of them was lost once.
      const writes = new Set(made.proxy.writes);
      assert.equal(made.proxy.writes.length, 2 * writes.size);
      assert.equal(writes.size, 4);
    };

    cases[`a report: ${how}`] = async () => {
      const acted = loss.when !== "before it acts";
      for (const report_id of [undefined, "old"]) {
        await using made = await lossy(loss, connections);
        const args = {
          ...HERE,
          title: "New",
          markdown_report_text: "two",
          ...(report_id === undefined ? {} : { report_id: made.report }),
        };
        const verb = report_id === undefined ? "stored" : "changed";
        if (acted) {
          const data = await made.rig.data(createReport, args);
          assert.match(JSON.stringify(data["notes"]), new RegExp(`it was ${verb}`));
        } else {
          const failure = await made.rig.failure(createReport, args);
          assert.match(String(failure["message"]), new RegExp(`It was not ${verb} so far`));
          assert.equal(failure["retryable"], false);
        }
        const titles = (await made.reports()).map((one) => one["displayName"]);
        const changed = report_id === undefined ? ["New", "Old"] : ["New"];
        assert.deepEqual(titles.toSorted(), acted ? changed : ["Old"]);
        assert.equal(made.proxy.writes.length, 1);
      }
    };
  }
}
cases["an analysis of which W&B got nothing was not stored"] = async () => {
  await using made = await lossy({ when: "before it acts" }, "kept");
  const failure = await made.rig.failure(logAnalysis, ANALYSIS);
  assert.match(
    String(failure["message"]),
    /It was not stored so far, .* repeating the call completes run/,
  );
  assert.deepEqual(await made.runs(), []);
};

cases["an analysis that is there and not whole is completed by the same call"] = async () => {
  await using made = await lossy({ when: "after it has acted" }, "kept");
  const failure = await made.rig.failure(logAnalysis, ANALYSIS);
  assert.match(
    String(failure["message"]),
    /may have been stored: repeating the call completes run/,
  );
  assert.equal(failure["retryable"], false);
  assert.deepEqual((await made.runs()).map((run) => run["state"]), ["running"]);
  const data = await made.direct.data(logAnalysis, ANALYSIS);
  assert.equal(data["created"], false);
  assert.deepEqual((await made.runs()).map((run) => run["state"]), ["finished"]);
};

cases["where nobody can look, nobody is told to repeat a report"] = async () => {
  await using made = await lossy({ when: "after it has acted", forEver: true }, "kept", 3000);
  const failure = await made.rig.failure(createReport, {
    ...HERE,
    title: "New",
    markdown_report_text: "two",
  });
  assert.match(String(failure["message"]), /It may have been stored: look before you repeat/);
  assert.equal(failure["retryable"], false);
  assert.equal(made.proxy.writes.length, 1);
};

cases["a server that acts and is silent: the report is found, the analysis completed"] =
  async () => {
    await using made = await lossy(
      { when: "after it has acted", silent: true, times: 1 },
      "kept",
      2000,
    );
    const data = await made.rig.data(createReport, {
      ...HERE,
      title: "New",
      markdown_report_text: "two",
    });
    assert.match(JSON.stringify(data["notes"]), /it was stored/);
    // Each call gets one step further, and there is never a second run.
    let stored: Data | undefined;
    for (let calls = 0; stored === undefined && calls < 6; calls++) {
      stored = await made.rig.data(logAnalysis, ANALYSIS).catch(() => undefined);
      assert.equal((await made.runs()).length, 1);
    }
    assert.deepEqual((await made.runs()).map((run) => run["state"]), ["finished"]);
  };

cases["a server that is silent and does not act: the report is looked for, not sent again"] =
  async () => {
    for (const isNew of [true, false]) {
      await using made = await lossy({ when: "before it acts", silent: true }, "kept", 2000);
      const failure = await made.rig.failure(createReport, {
        ...HERE,
        title: "New",
        markdown_report_text: "two",
        ...(isNew ? {} : { report_id: made.report }),
      });
      const verb = isNew ? "stored" : "changed";
      assert.match(
        String(failure["message"]),
        new RegExp(`It was not ${verb} so far, as a look afterwards shows, and may yet be`),
      );
      assert.equal(failure["retryable"], false);
      assert.deepEqual((await made.reports()).map((one) => one["displayName"]), ["Old"]);
      assert.equal(made.proxy.writes.length, 1);
    }
  };

cases["a server that is silent and does not act: the same call completes the analysis"] =
  async () => {
    await using made = await lossy(
      { when: "before it acts", silent: true, times: 1 },
      "kept",
      2000,
    );
    const first = await made.rig.failure(logAnalysis, ANALYSIS);
    assert.match(
      String(first["message"]),
      /It was not stored so far.* repeating the call completes/,
    );
    assert.equal(first["retryable"], false);
    assert.deepEqual(await made.runs(), []);
    // The next call gets further: the run is there and not whole.
    const second = await made.rig.failure(logAnalysis, ANALYSIS);
    assert.match(String(second["message"]), /may have been stored: repeating the call completes/);
    assert.deepEqual((await made.runs()).map((run) => run["state"]), ["running"]);
    assert.equal((await made.direct.data(logAnalysis, ANALYSIS))["created"], false);
    assert.deepEqual((await made.runs()).map((run) => run["state"]), ["finished"]);
  };

cases["a report with plots is one report and one run, though every reply is lost once"] =
  async () => {
    for (const when of ["before it acts", "after it has acted"] as const) {
      await using made = await lossy({ when, status: 502, times: 1 }, "kept");
      const args = { ...HERE, title: "New", plots_html: { plot: "<b>x</b>" } };
      const acted = when === "after it has acted";
      const told = acted
        ? JSON.stringify((await made.rig.data(createReport, args))["notes"])
        : String((await made.rig.failure(createReport, args))["message"]);
      assert.match(told, acted ? /it was stored/ : /It was not stored so far/);
      const [plots] = await made.runs();
      if (!acted) assert.ok(told.includes(`are stored in run ${plots?.["name"]}`), told);
      assert.deepEqual((await made.runs()).map((run) => run["state"]), ["finished"]);
      const titles = (await made.reports()).map((one) => one["displayName"]).toSorted();
      assert.deepEqual(titles, acted ? ["New", "Old"] : ["Old"]);
    }
  };

slowTests("what writes to W&B does so once, and tells the truth of it", 12, cases);
