import assert from "node:assert/strict";
import fc from "fast-check";
import { z } from "zod";
import { type Clause, printClause, printFilter } from "../../src/mlflow/filter/clause.ts";
import { parseFilter } from "../../src/mlflow/filter/filter.ts";
import { parseOrderBy, printOrderBy } from "../../src/mlflow/filter/order.ts";
import { listRequirements } from "../../src/mlflow/query.ts";
import { shared } from "../support/backend.ts";
import { manifestOf, mlflow34, mlflowNewest } from "../support/mlflow/backends.ts";
import { awkward, orderTerms, quotable, readClause, storable } from "./filter/arbitrary.ts";

const Found = z.looseObject({
  traces: z.array(z.looseObject({ trace_id: z.string() })).optional(),
});

interface Search {
  readonly uri: string;
  readonly experiment: string;
  readonly filter?: string;
  readonly orderBy?: readonly string[];
}

/** The ids that a server finds; fails with the server's words if it refuses. */
async function search({ uri, experiment, filter, orderBy }: Search): Promise<string[]> {
  const location = { type: "MLFLOW_EXPERIMENT", mlflow_experiment: { experiment_id: experiment } };
  const body = { locations: [location], max_results: 500, filter, order_by: orderBy };
  const text = await post(`${uri}/api/3.0/mlflow/traces/search`, body, filter ?? String(orderBy));
  return (Found.parse(JSON.parse(text)).traces ?? []).map((trace) => trace.trace_id);
}

async function post(url: string, body: unknown, what: string): Promise<string> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  const text = await response.text();
  assert.equal(response.status, 200, `${what}: ${text}`);
  return text;
}

/** Sends many clauses in few requests: the server reads all of a filter before it evaluates any. */
function batches(clauses: readonly Clause[]): Clause[][] {
  const size = 8;
  const count = Math.ceil(clauses.length / size);
  return Array.from({ length: count }, (_, at) => clauses.slice(at * size, (at + 1) * size));
}

const servers = { "3.4": await shared(mlflow34), newest: await shared(mlflowNewest) };
const { agents } = (await manifestOf(servers.newest)).experiments;
const newest = { uri: servers.newest.uri, experiment: agents };

Deno.test("the newest server accepts every generated filter", async () => {
  const clauses = fc.sample(readClause, { numRuns: 600, seed: 1 });
  for (const batch of batches(clauses)) {
    await search({ ...newest, filter: printFilter({ clauses: batch }) });
  }
});

Deno.test("MLflow 3.4 accepts every generated filter without newer requirements", async () => {
  const { experiments } = await manifestOf(servers["3.4"]);
  const clauses = fc.sample(readClause, { numRuns: 1500, seed: 2 })
    .filter((clause) => listRequirements({ clauses: [clause] }).length === 0);
  assert.ok(clauses.length > 100);
  for (const batch of batches(clauses)) {
    const filter = printFilter({ clauses: batch });
    await search({ uri: servers["3.4"].uri, experiment: experiments.agents, filter });
  }
});

Deno.test("MLflow 3.4 refuses filters that require a newer release", async () => {
  const { experiments } = await manifestOf(servers["3.4"]);
  const kinds = new Map(
    fc.sample(readClause, { numRuns: 1500, seed: 3 })
      .filter((clause) => listRequirements({ clauses: [clause] }).length > 0)
      .map((clause) => [`${clause.entity} ${clause.op}`, clause]),
  );
  assert.ok(kinds.size > 10);
  for (const clause of kinds.values()) {
    const filter = printClause(clause);
    const searching = search({ uri: servers["3.4"].uri, experiment: experiments.agents, filter });
    await assert.rejects(searching, /INVALID_PARAMETER_VALUE/, filter);
  }
});

Deno.test("both servers accept every generated order", async () => {
  for (const server of [servers["3.4"], servers.newest]) {
    const { experiments } = await manifestOf(server);
    for (const terms of fc.sample(orderTerms, { numRuns: 60, seed: 4 })) {
      await search({
        uri: server.uri,
        experiment: experiments.agents,
        orderBy: printOrderBy({ terms }),
      });
    }
  }
});

Deno.test("filters that people write find the intended traces", async () => {
  const { traces, now_ms: now } = await manifestOf(servers.newest);
  const found = async (text: string) =>
    new Set(await search({ ...newest, filter: printFilter(parseFilter(text, { now })) }));
  const all = Object.values(traces);
  const ids = (keep: (trace: typeof all[number]) => boolean) =>
    new Set(all.filter(keep).map((trace) => trace.trace_id));
  const failed = ids((trace) => trace.state === "ERROR");
  assert.ok(failed.size > 0);
  assert.deepEqual(await found("state == failed"), failed);
  const slow = ids((trace) => (trace.duration_ms ?? 0) > 5000);
  assert.ok(slow.size > 0);
  assert.deepEqual(await found("latency > 5s"), slow);
  const recent = ids((trace) => trace.state === "ERROR" && trace.start_ms > now - 3_600_000);
  assert.ok(recent.size > 0 && recent.size < failed.size);
  assert.deepEqual(await found("status = error AND timestamp_ms > now() - 1h"), recent);
  assert.deepEqual(
    await found("timestamp_ms < now() - 30d"),
    ids((trace) => trace.start_ms < now - 30 * 86_400_000),
  );
  const full = new Set([traces.full.trace_id]);
  assert.deepEqual(await found(`trace_id IN ('${traces.full.trace_id}')`), full);
  assert.deepEqual(await found("span.attributes.team = 'billing'"), full);
  assert.deepEqual(
    await found("span.attributes.retry.count = 0 AND span.attributes.team = 'billing'"),
    full,
  );
  assert.deepEqual(await found("span.attributes.`key with spaces` LIKE 'ye%'"), full);
  for (
    const text of [
      "span.attributes.team = 'bill'",
      "span.attributes.team = 'illing'",
      "span.attributes.team LIKE 'illing%'",
      "span.attributes.retry.count = 1",
    ]
  ) assert.deepEqual(await found(text), new Set(), text);
});

Deno.test("orders sort the traces as intended", async () => {
  const { traces } = await manifestOf(servers.newest);
  const byDuration = Object.values(traces).toSorted((a, b) =>
    (b.duration_ms ?? 0) - (a.duration_ms ?? 0)
  );
  const orderBy = printOrderBy(parseOrderBy("-latency"));
  const [first, second] = await search({ ...newest, orderBy });
  assert.deepEqual([first, second], byDuration.slice(0, 2).map((trace) => trace.trace_id));
});

Deno.test("any text of a tag or id is found only by the filter for it", async () => {
  const experiment = await createExperiment(servers.newest.uri);
  const values = [
    ...new Set([
      ...["it's", 'say "x"', `it's "x"`, "a\\", "a\\'b", "-- a", "a;b", "(x)", "100%", "", "OR"],
      ...fc.sample(fc.oneof(awkward, quotable), { numRuns: 40, seed: 5 })
        .map(storable),
    ]),
  ];
  const stored = new Map<string, string>();
  for (const value of values) {
    stored.set(value, await createTrace(servers.newest.uri, experiment, value));
  }
  for (const value of values) {
    // A backslash before the closing quote would keep the text open.
    const quote = value.includes("'") || value.endsWith("\\") ? '"' : "'";
    if (value.includes(`\\${quote}`) || value.endsWith("\\")) continue;
    const text = `tag.k = ${quote}${value.replaceAll(quote, quote + quote)}${quote}`;
    const filter = printFilter(parseFilter(text, { now: 0 }));
    const ids = await search({ uri: servers.newest.uri, experiment, filter });
    assert.deepEqual(ids, [stored.get(value)], filter);
  }
  for (const value of values) {
    const ids: Clause = { entity: "trace", key: "client_request_id", op: "IN", value: [value] };
    const filter = printFilter(parseFilter(printClause(ids), { now: 0 }));
    const found = await search({ uri: servers.newest.uri, experiment, filter });
    assert.deepEqual(found, [stored.get(value)], filter);
  }
  const several = printFilter(parseFilter(`tag.k IN ("it's", '-- a', '100%')`, { now: 0 }));
  assert.deepEqual(
    new Set(await search({ uri: servers.newest.uri, experiment, filter: several })),
    new Set([stored.get("it's"), stored.get("-- a"), stored.get("100%")]),
  );
});

async function createExperiment(uri: string): Promise<string> {
  const name = `filter grammar ${crypto.randomUUID()}`;
  const text = await post(`${uri}/api/2.0/mlflow/experiments/create`, { name }, name);
  return z.looseObject({ experiment_id: z.string() }).parse(JSON.parse(text)).experiment_id;
}

/** A trace whose tag `k` and client request id are the value. */
async function createTrace(
  uri: string,
  experiment: string,
  value: string,
): Promise<string> {
  const id = `tr-${crypto.randomUUID().replaceAll("-", "")}`;
  const trace_info = {
    trace_id: id,
    trace_location: { type: "MLFLOW_EXPERIMENT", mlflow_experiment: { experiment_id: experiment } },
    request_time: "2026-11-06T12:00:00Z",
    execution_duration: "1s",
    state: "OK",
    client_request_id: value,
    tags: { k: value },
  };
  await post(`${uri}/api/3.0/mlflow/traces`, { trace: { trace_info } }, value);
  return id;
}
