/** Traces that arrived through OpenTelemetry are named by their root span, everywhere; on a real server. */
import assert from "node:assert/strict";
import { parseFilter } from "../../src/mlflow/filter/filter.ts";
import { parseOrderBy } from "../../src/mlflow/filter/order.ts";
import { readMark, searchByRootName } from "../../src/mlflow/trace_name.ts";
import { shared } from "../support/backend.ts";
import { mlflowNewest } from "../support/mlflow/backends.ts";
import { pythonClient } from "../support/mlflow/client.ts";
import { at, listAt, toolsWith } from "./harness.ts";
import { storeOf, throughServer } from "./local/harness.ts";
import { sendOtlp } from "./otlp.ts";

const server = await shared(mlflowNewest);
const python = await pythonClient(server);
const http = toolsWith({ MLFLOW_TRACKING_URI: server.uri });
const local = toolsWith({ MLFLOW_TRACKING_URI: `sqlite:///${server.dbPath}` });

const newExperiment = async () =>
  String(await python.call("create_experiment", { name: `otlp ${crypto.randomUUID()}` }));
const experiment_id = await newExperiment();
const send = (name: string, children: { name: string }[] = []) =>
  sendOtlp(server.uri, experiment_id, { name, children });
const plan = await send("plan_trip", [{ name: "pick_hotel" }, { name: "book" }]);
const plain = await send("Plan_B", [{ name: "plan_trip" }]);
const hotel = await send("pick_hotel", [{ name: "book" }]);

for (const [store, tools] of [["HTTP", http], ["a local store", local]] as const) {
  const search = (filter_string: string, extract_fields = "info.trace_id") =>
    tools.ok("search_traces", { experiment_id, filter_string, extract_fields });
  const ids = (data: unknown) =>
    listAt(data, "traces").map((trace) => String(at(trace, "info", "trace_id"))).sort();
  const notes = (data: unknown) => listAt(data, "notes").join("\n");

  Deno.test(`${store}: rows and get_trace use the root span's name, and say so`, async () => {
    for (const extract_fields of ["info.name", "info.tags.*", undefined]) {
      const data = await tools.ok("search_traces", {
        experiment_id,
        ...(extract_fields === undefined ? {} : { extract_fields }),
      });
      const names = listAt(data, "traces").map((trace) =>
        at(trace, "info", "name") ?? at(trace, "info", "tags", "mlflow.traceName")
      );
      assert.deepEqual(names.toSorted(), ["Plan_B", "pick_hotel", "plan_trip"], extract_fields);
      assert.match(notes(data), /no name for 3 of these traces .* that of their root span\.$/m);
    }
    for (const extract_fields of ["info.tags.mlflow.traceName", "info.tags", "data.spans,info"]) {
      const data = await tools.ok("get_trace", { trace_id: plan, extract_fields });
      assert.equal(at(data, "info", "tags", "mlflow.traceName"), "plan_trip", extract_fields);
      assert.match(notes(data), /that of their root span/);
    }
    const whole = await tools.ok("get_trace", { trace_id: plain });
    assert.equal(at(whole, "info", "tags", "mlflow.traceName"), "Plan_B");
    const other = await tools.ok("get_trace", { trace_id: plain, extract_fields: "info.state" });
    assert.deepEqual(other, { info: { state: "OK" } });
  });

  Deno.test(`${store}: a table's column of names is filled`, async () => {
    const args = { experiment_id, extract_fields: "info.trace_id,info.name", output: "table" };
    const { text } = await tools.call("search_traces", args);
    assert.match(text, new RegExp(`${hotel} .*pick_hotel`));
  });

  Deno.test(`${store}: a name finds the traces whose root span has it, and no others`, async () => {
    const cases: [string, string[]][] = [
      ["name = 'plan_trip'", [plan]],
      ["name LIKE 'plan%'", [plan]],
      ["name ILIKE 'plan%'", [plan, plain]],
      ["trace.name = 'pick_hotel' AND status = 'OK'", [hotel]],
      ["name LIKE 'pl%_tr%p'", [plan]],
      ["name RLIKE '^plan'", [plan]],
      ["name RLIKE '(?i)^plan'", [plan, plain]],
      ["name != 'plan_trip'", [plain, hotel]],
      // The span that is asked for need not be the root.
      ["name = 'plan_trip' AND span.name = 'book'", [plan]],
      ["name LIKE 'P%' AND span.name = 'plan_trip'", [plain]],
      ["name != 'plan_trip' AND span.name LIKE 'bo%'", [hotel]],
    ];
    for (const [filter, found] of cases) {
      const data = await search(filter, "info.trace_id,info.name");
      assert.deepEqual(ids(data), found.toSorted(), filter);
      assert.equal(data.total_matching, found.length, filter);
      assert.match(notes(data), /searched for by the name of their root span/, filter);
    }
    const none = [
      "name = 'book'",
      "name = 'plan_trip' AND status = 'ERROR'",
      "name = 'Plan_B' AND span.name = 'book'",
      "name RLIKE '^b'",
    ];
    for (const filter of none) {
      assert.deepEqual((await search(filter)).traces, [], filter);
    }
    assert.match(notes(await search("name = 'book'")), /spans have that name/);
  });

  Deno.test(`${store}: pages of a search by name continue where the last one ended`, async () => {
    const found: string[] = [];
    let page_token: string | undefined;
    do {
      const data = await tools.ok("search_traces", {
        experiment_id,
        filter_string: "name ILIKE 'plan%'",
        extract_fields: "info.trace_id",
        max_results: 1,
        ...(page_token === undefined ? {} : { page_token }),
      });
      found.push(...ids(data));
      page_token = typeof data.next_page_token === "string" ? data.next_page_token : undefined;
    } while (page_token !== undefined);
    assert.deepEqual(found.toSorted(), [plan, plain].toSorted());
  });

  Deno.test(`${store}: sorting by name says where traces without a name are placed`, async () => {
    const data = await tools.ok("search_traces", { experiment_id, order_by: "name" });
    assert.match(notes(data), /without a name of their own .* sorted last/);
  });
}

Deno.test("if only some traces have the name themselves, the others are reported", async () => {
  const experiment_id = await newExperiment();
  await sendOtlp(server.uri, experiment_id, { name: "plan_trip" });
  await python.call("create_trace", { experiment_id, root: { name: "plan_trip" } });
  for (const tools of [http, local]) {
    const data = await tools.ok("search_traces", {
      experiment_id,
      filter_string: "name = 'plan_trip'",
      extract_fields: "info.trace_id",
    });
    assert.equal(data.returned, 1);
    assert.equal(data.total_matching, undefined);
    const [, filter = ""] = /: (.*) finds them\./.exec(listAt(data, "notes").join("\n")) ?? [];
    const others = await tools.ok("search_traces", { experiment_id, filter_string: filter });
    assert.equal(others.returned, 1, filter);
    const unlike = await tools.ok("search_traces", {
      experiment_id,
      filter_string: "name != 'other'",
      extract_fields: "info.trace_id",
    });
    assert.deepEqual([unlike.returned, unlike.total_matching], [1, undefined]);
    assert.match(
      listAt(unlike, "notes").join("\n"),
      /1 traces without a name .* which was not looked at: name IS NULL finds them\./,
    );
    const drawn = await tools.call("plot_traces", {
      experiment_id,
      filter_string: "name = 'plan_trip'",
    });
    assert.match(drawn.text, /^1 traces from [\s\S]*Besides, 1 traces without a name/);
  }
});

Deno.test("plot_traces by name uses the names of root spans", async () => {
  for (const tools of [http, local]) {
    const { text, failure } = await tools.call("plot_traces", { experiment_id, by: "name" });
    assert.equal(failure, undefined);
    for (const name of ["Plan_B", "pick_hotel", "plan_trip"]) {
      assert.match(
        text,
        new RegExp(`^${name}: 1 traces, 0 failed, median 0\\.5 s, p95 0\\.5 s\\.$`, "m"),
      );
    }
    assert.match(text, /no name for 3 of these traces/);
  }
});

Deno.test("a cut answer continues after the last trace that it shows", async () => {
  const experiment_id = await newExperiment();
  const ids: string[] = [];
  for (const name of ["ask", "ask", "other"]) {
    const root = { name, children: [{ name: "ask" }] };
    ids.push(await sendOtlp(server.uri, experiment_id, root));
  }
  using store = storeOf(server);
  for (const reader of [throughServer(server.uri), store.open()]) {
    const filter = parseFilter("name = 'ask'", { now: Date.now() });
    const query = {
      experimentIds: [experiment_id],
      filter,
      orderBy: parseOrderBy("timestamp_ms DESC").terms,
      limit: 10,
    };
    const found = await searchByRootName(query, reader);
    assert.deepEqual(found?.page.infos.map((info) => at(info, "trace_id")), [ids[1], ids[0]]);
    const { pageToken } = readMark(found?.page.tokenAfter(1));
    const rest = await searchByRootName({ ...query, pageToken }, reader);
    assert.deepEqual(rest?.page.infos.map((info) => at(info, "trace_id")), [ids[0]]);
  }
});

Deno.test("names that were not requested are read for some traces, and the answer says for how many", async () => {
  const experiment_id = await newExperiment();
  for (let index = 0; index < 27; index++) {
    await sendOtlp(server.uri, experiment_id, { name: `root ${index}` });
  }
  for (const tools of [http, local]) {
    for (const [fields, read] of [[undefined, 25], ["info.name", 27]] as const) {
      const data = await tools.ok("search_traces", {
        experiment_id,
        ...(fields === undefined ? {} : { extract_fields: fields }),
      });
      const notes = listAt(data, "notes").join("\n");
      assert.match(notes, read === 25 ? /root span, read for 25\./ : /root span\.$/m);
    }
  }
});
