/** The same store through its real server and from its file, with generated questions. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { type Clause, printFilter } from "../../../src/mlflow/filter/clause.ts";
import { compareVersions, listRequirements } from "../../../src/mlflow/query.ts";
import { type OrderTerm, printOrderBy } from "../../../src/mlflow/filter/order.ts";
import { shapeInfo } from "../../../src/mlflow/trace.ts";
import { shapeSpan } from "../../../src/mlflow/shape/span.ts";
import type { TracePage, TraceQuery, TraceReader } from "../../../src/mlflow/store.ts";
import type { Json } from "../../../src/core/json.ts";
import { shared } from "../../support/backend.ts";
import { mlflow34, mlflowNewest, type MlflowState } from "../../support/mlflow/backends.ts";
import { orderTerms } from "../filter/arbitrary.ts";
import { clauseAbout, type Vocabulary, vocabularyOf } from "./arbitrary.ts";
import { callTool, storeOf, throughServer } from "./harness.ts";
import { enrich } from "./rich.ts";

const servers: Record<string, MlflowState> = {
  "3.4": await shared(mlflow34),
  newest: await shared(mlflowNewest),
};

/** Questions per version. */
const SEARCHES = 400;

interface Question {
  readonly query: TraceQuery;
  readonly shown: string;
}

for (const [version, server] of Object.entries(servers)) {
  const experimentId = await enrich(server);
  const remote = throughServer(server.uri);
  const words = await vocabulary(remote, experimentId);
  const newest = version === "newest";
  const exactTokens = compareVersions(await remote.version() ?? "0", "3.18") >= 0;

  Deno.test(`MLflow ${version}: the generated searches have a rich vocabulary`, () => {
    assert.ok(words.tags.length > 20 && words.metadata.length > 20);
    assert.ok(words.assessments.length > 10 && words.spans.length > 10);
  });

  Deno.test(`MLflow ${version}: generated searches give the same traces in the same order`, async () => {
    using store = storeOf(server);
    const arbitrary = questions(words, experimentId, newest);
    let matching = 0;
    for (const { query, shown } of fc.sample(arbitrary, { numRuns: SEARCHES, seed: 11 })) {
      const [theirs, ours] = await Promise.all([
        remote.search(query),
        store.open().search(query),
      ]);
      assert.deepEqual(idsOf(ours), idsOf(theirs), shown);
      assert.deepEqual(ours.infos.map(comparable), theirs.infos.map(comparable), shown);
      // Servers before 3.18 give a token after every full page, the last one included.
      if (exactTokens) assert.equal(ours.nextPageToken, theirs.nextPageToken, shown);
      if (ours.infos.length > 0) matching++;
    }
    assert.ok(matching > SEARCHES / 4, `only ${matching} searches found anything`);
  });

  Deno.test(`MLflow ${version}: each store's pages continue where the other's end`, async () => {
    using store = storeOf(server);
    for (const orderBy of fc.sample(orderTerms, { numRuns: 12, seed: 12 })) {
      const query = { experimentIds: [experimentId], orderBy, limit: 7 };
      const ids: string[] = [];
      let pageToken: string | undefined;
      for (let page = 0; page === 0 || pageToken !== undefined; page++) {
        const reader = page % 2 === 0 ? remote : store.open();
        const found = await reader.search({ ...query, pageToken });
        ids.push(...idsOf(found));
        pageToken = found.nextPageToken;
      }
      const whole = await store.open().search({ ...query, limit: 1000 });
      assert.deepEqual(ids, idsOf(whole), JSON.stringify(orderBy));
      assert.equal(await store.open().count(query), ids.length);
    }
  });

  Deno.test(`MLflow ${version}: traces are sorted by the time at which they ended`, async () => {
    using store = storeOf(server);
    const ended = (info: Json) => {
      const { request_time, execution_duration_ms } = shapeInfo(info);
      return Date.parse(request_time ?? "") + (execution_duration_ms ?? 0);
    };
    for (const descending of [false, true]) {
      const orderBy: OrderTerm[] = [{ entity: "trace", key: "end_time_ms", descending }];
      const query = { experimentIds: [experimentId], orderBy, limit: 500 };
      const ours = await store.open().search(query);
      const times = ours.infos.map(ended);
      assert.ok(times.length > 20);
      assert.deepEqual(times, times.toSorted((a, b) => descending ? b - a : a - b));
      if (exactTokens) assert.deepEqual(idsOf(ours), idsOf(await remote.search(query)));
    }
  });

  Deno.test(`MLflow ${version}: generated field selections give the same result`, async () => {
    using store = storeOf(server);
    const paths = fc.sample(fc.uniqueArray(fc.constantFrom(...PATHS), { minLength: 1 }), {
      numRuns: 25,
      seed: 13,
    });
    for (const selected of paths) {
      const args = { experiment_id: experimentId, extract_fields: selected.join(",") };
      const [theirs, ours] = await Promise.all([
        callTool("search_traces", remote, args),
        callTool("search_traces", store.open(), args),
      ]);
      assert.deepEqual(ours["traces"], theirs["traces"], args.extract_fields);
      assert.deepEqual(ours["unmatched_fields"], theirs["unmatched_fields"]);
    }
  });

  Deno.test(`MLflow ${version}: every whole trace and assessment is the same`, async () => {
    using store = storeOf(server);
    let assessments = 0;
    for (const { id } of words.traces) {
      const [theirs, ours] = await Promise.all([
        callTool("get_trace", remote, { trace_id: id }),
        callTool("get_trace", store.open(), { trace_id: id }),
      ]);
      assert.deepEqual(ours, theirs, id);
      for (const one of shapeInfo(await remote.info(id)).assessments) {
        const args = { trace_id: id, assessment_id: memberOf(one, "assessment_id") };
        assessments++;
        assert.deepEqual(
          await callTool("get_assessment", store.open(), args),
          await callTool("get_assessment", remote, args),
        );
      }
    }
    assert.ok(assessments > 10);
  });

  Deno.test(`MLflow ${version}: experiments and runs are the same`, async () => {
    using store = storeOf(server);
    const local = store.open();
    const all = await remote.experiments(100);
    assert.ok(all.length >= 5);
    assert.deepEqual(await local.experiments(100), all);
    for (const { id, name } of all) {
      assert.deepEqual(await local.experimentById(id), await remote.experimentById(id));
      assert.deepEqual(await local.experimentByName(name), await remote.experimentByName(name));
    }
    assert.equal(await local.experimentById("987654"), undefined);
    assert.equal(await local.experimentByName("no such"), undefined);
    for (const [key, run] of words.metadata) {
      if (key !== "mlflow.sourceRun") continue;
      assert.equal(await local.experimentOfRun(run), await remote.experimentOfRun(run));
    }
    assert.equal(await local.experimentOfRun("none"), undefined);
  });
}

function questions(
  words: Vocabulary,
  experimentId: string,
  newest: boolean,
): fc.Arbitrary<Question> {
  const clause: fc.Arbitrary<Clause> = clauseAbout(words)
    .filter((one) => newest || listRequirements({ clauses: [one] }).length === 0);
  const keys = [
    ...words.tags.map(([key]) => ["tag", key]),
    ...words.metadata.map(([key]) => [
      "metadata",
      key,
    ]),
  ].filter(([, key]) =>
    key !== undefined && !/["\\`]|^mlflow\.(traceName|sourceRun|trace\.)/.test(key)
  );
  const known: fc.Arbitrary<OrderTerm[]> = fc.tuple(fc.constantFrom(...keys), fc.boolean())
    .map(([[entity, key = ""], descending]) => [
      { entity: entity === "tag" ? "tag" : "metadata", key, descending },
    ]);
  return fc.tuple(
    fc.array(clause, { maxLength: 3 }),
    fc.oneof(orderTerms, known),
    fc.constantFrom(3, 20, 500),
  ).map(([clauses, orderBy, limit]) => ({
    query: {
      experimentIds: [experimentId],
      filter: { clauses, notes: [] },
      orderBy,
      limit,
    },
    shown: `${printFilter({ clauses })} ORDER BY ${printOrderBy({ terms: orderBy })}`,
  }));
}

const PATHS = [
  "info.trace_id",
  "info.state",
  "info.execution_duration_ms",
  "info.request_time",
  "info.tags.*",
  "info.tags.mlflow.traceName",
  "info.trace_metadata.*",
  "info.trace_metadata.mlflow.trace.tokenUsage",
  "info.assessments.*.feedback.value",
  "info.assessments.*",
  "info.no_such_field",
  "data.spans.*.name",
  "data.spans.0",
  "data.spans.*.attributes.mlflow.spanType",
  "data.spans.*.attributes.*",
  "data.spans.*.duration_ms",
  "data.spans.*.events.*.name",
];

async function vocabulary(reader: TraceReader, experimentId: string): Promise<Vocabulary> {
  const { infos } = await reader.search({ experimentIds: [experimentId], orderBy: [], limit: 500 });
  const spans: Json[] = [];
  await reader.spansOfMany(infos, (_, span) => void spans.push(shapeSpan(span)));
  return vocabularyOf(infos.map((info): Json => ({ ...shapeInfo(info) })), spans);
}

/** An info as the tools give it, the parts that have no order sorted. */
function comparable(info: Json): unknown {
  return shapeInfo(info);
}

function idsOf(page: TracePage): string[] {
  return page.infos.map((info) => shapeInfo(info).trace_id);
}

function memberOf(value: Json, key: string): Json {
  return value !== null && typeof value === "object" && !Array.isArray(value)
    ? value[key] ?? null
    : null;
}
