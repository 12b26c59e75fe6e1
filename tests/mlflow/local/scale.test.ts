/** What must not grow with the store: plans, memory, and the time until a call is stopped. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { cpuUsage } from "node:process";
import { DatabaseSync } from "node:sqlite";
import { parseFilter } from "../../../src/mlflow/filter/filter.ts";
import { parseOrderBy } from "../../../src/mlflow/filter/order.ts";
import { startStoreWorker, StorePool } from "../../../src/mlflow/local/pool.ts";
import { READ_TABLES, type Tables } from "../../../src/mlflow/local/database.ts";
import { buildSearch } from "../../../src/mlflow/local/search.ts";
import { shapeInfo } from "../../../src/mlflow/trace.ts";
import type { TraceQuery } from "../../../src/mlflow/store.ts";
import { type ScaledStore, scaleStore } from "../../support/mlflow/scale.ts";
import { slowTest } from "../../support/slow.ts";
import { EXAMPLE_STORE, type LocalStore, localStore } from "./harness.ts";

/** How SQLite carries out a search of the example store, step by step. */
function planOf(filter: string, order = ""): string[] {
  using database = new DatabaseSync(EXAMPLE_STORE, { readOnly: true });
  const tables: Tables = new Map(READ_TABLES.map((table) => [
    table,
    new Set(
      database.prepare(`PRAGMA table_xinfo(${table})`).all().map((row) => String(row["name"])),
    ),
  ]));
  database.function("still_wanted", { varargs: true }, () => 1);
  database.function("regexp", { deterministic: true }, (_pattern, _text) => 1);
  const { text, params } = buildSearch(
    {
      experimentIds: ["1"],
      filter: parseFilter(filter, { now: 0 }),
      orderBy: parseOrderBy(order).terms,
    },
    tables,
    { limit: 100, offset: 0 },
  );
  return database.prepare(`EXPLAIN QUERY PLAN ${text}`).all(...params)
    .map((row) => String(row["detail"]));
}

const BY_TIME = "SEARCH trace_info USING INDEX index_trace_info_experiment_id_timestamp_ms";

slowTest("searches use the store's indexes", () => {
  const newest = planOf("");
  assert.ok(newest[0]?.startsWith(`${BY_TIME} (experiment_id=?)`), newest.join("\n"));
  assert.ok(!newest.includes("USE TEMP B-TREE FOR ORDER BY"), "all traces are sorted");
  const recent = planOf("status = 'ERROR' AND timestamp_ms > 1000000000000");
  assert.ok(
    recent[0]?.startsWith(`${BY_TIME} (experiment_id=? AND timestamp_ms>?)`),
    recent.join(),
  );
  for (
    const [filter, step] of [
      ["tag.topic = 'order'", /trace_tags.*|SEARCH f0 USING (COVERING )?INDEX sqlite_autoindex/],
      ["request_id = 'tr-1'", /SEARCH trace_info USING INDEX sqlite_autoindex_trace_info/],
      ["span.name = 'plan'", /SEARCH s USING INDEX \S*spans\S* \(trace_id=\?/],
      ["feedback.helpful = 'true'", /SEARCH a USING INDEX index_assessments/],
      ["run_id = 'x'", /SEARCH m USING INDEX sqlite_autoindex_trace_request_metadata/],
    ] as const
  ) {
    const plan = planOf(filter);
    assert.ok(plan.some((line) => step.test(line)), `${filter}\n${plan.join("\n")}`);
    assert.ok(!plan.some((line) => /SCAN (s|f0|a|trace_info)\b/.test(line)), plan.join("\n"));
  }
});

const folder = await Deno.makeTempDir();
addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
const path = join(folder, "mlflow.db");
await Deno.copyFile(EXAMPLE_STORE, path);
const scaled: ScaledStore = scaleStore(path, { traces: 20_000, spansPerTrace: 10 });

const query = (filter: string, more: Partial<TraceQuery> = {}): TraceQuery => ({
  experimentIds: [scaled.experimentId],
  filter: parseFilter(filter, { now: 0 }),
  orderBy: [],
  limit: 100,
  ...more,
});

const idsOf = (infos: readonly unknown[]) =>
  infos.map((info) => /"trace_id":"([^"]+)"/.exec(JSON.stringify(info))?.[1]);

slowTest("a large store is paged to its end, with every trace once", async () => {
  using store = localStore(path);
  const seen = new Set<string>();
  let pageToken: string | undefined;
  do {
    const page = await store.open().search(query("", { limit: 2_000, pageToken }));
    for (const info of page.infos) seen.add(shapeInfo(info).trace_id);
    pageToken = page.nextPageToken;
  } while (pageToken !== undefined);
  assert.equal(seen.size, scaled.traces);
});

slowTest("searches of a large store find the seeded traces", async () => {
  using store = localStore(path);
  const count = (filter: string) => store.open().count(query(filter));
  assert.equal(await count("status = 'ERROR'"), scaled.traces / 50);
  assert.equal(await count("tag.shard = '7'"), scaled.traces / 1000);
  const found = await store.open().search(query("span.attributes.word = 'w4711'"));
  assert.deepEqual(
    idsOf(found.infos),
    [19_711, 14_711, 9_711, 4_711].map((n) => `tr-${n.toString(16).padStart(32, "0")}`),
  );
});

/** A search that looks at every span and finds nothing; over and over, so that it takes long. */
const ENDLESS = "span.attributes.word RLIKE '^(a|a)*(b|b)*(c|c)*d$' AND trace.text LIKE '%lorem%x'";

slowTest("a cancelled search stops, and other calls are answered meanwhile", async () => {
  using store = localStore(path);
  const stop = new AbortController();
  let settled = false;
  const long = endlessly(store, stop.signal).finally(() => settled = true);
  const outcome = assert.rejects(long, { name: "AbortError" });
  const page = await store.open().search(query("status = 'ERROR'", { limit: 5 }));
  assert.equal(page.infos.length, 5);
  assert.equal(settled, false, "the long search was over before it could be cancelled");
  stop.abort();
  await outcome;
  await quiet();
  // Its worker is free again: three searches at once find all three workers.
  const again = await Promise.all([1, 2, 3].map(() => store.open().info(`tr-${"0".repeat(32)}`)));
  assert.equal(again.length, 3);
});

/**
 * Waits until this process, with all its workers, does next to nothing for a while: with `--parallel`
 * other test files run in it too, and have to end first.
 */
async function quiet(): Promise<void> {
  for (let attempt = 0; attempt < 900; attempt++) {
    const before = cpuUsage();
    await new Promise((resolve) => setTimeout(resolve, 200));
    const { user, system } = cpuUsage(before);
    if (user + system < 40_000) return;
  }
  assert.fail("the processor does not rest");
}

async function endlessly(store: LocalStore, signal: AbortSignal): Promise<void> {
  for (;;) await store.open(signal).search(query(ENDLESS, { limit: 1 }));
}

slowTest("a search ends when its time is over", async () => {
  using store = localStore(path);
  const search = store.open(undefined, 30).search(query(ENDLESS));
  await assert.rejects(search, { message: /took too long/ });
  assert.equal((await store.open().search(query("", { limit: 3 }))).infos.length, 3);
});

slowTest(
  "a regular expression with nested quantifiers is answered, and no work goes on",
  async () => {
    {
      using writer = new DatabaseSync(path);
      const id = writer.prepare("SELECT request_id AS id FROM trace_info LIMIT 2").all();
      const insert = writer.prepare(
        "INSERT INTO trace_tags (request_id, key, value) VALUES (?, ?, ?)",
      );
      [`${"a".repeat(5_000)}b`, "aaa"].forEach((value, index) => {
        insert.run(id[index]?.["id"] ?? null, "nested", value);
      });
    }
    using store = localStore(path);
    const nested = query("tag.nested RLIKE '(a+)+$'");
    const pages = await Promise.all([1, 2, 3].map(() => store.open().search(nested)));
    assert.deepEqual(pages.map(({ infos }) => infos.length), [1, 1, 1]);
    const slow = query("span.attributes.filler RLIKE '([a-z ])*l[a-z ]{300}!'");
    const late = await Promise.allSettled(
      [1, 2, 3].map(() => store.open(undefined, 200).search(slow)),
    );
    assert.deepEqual(late.map(({ status }) => status), ["rejected", "rejected", "rejected"]);
    await quiet();
    assert.equal((await store.open().search(query("", { limit: 3 }))).infos.length, 3);
  },
);

slowTest(
  "an unsupported regular expression is refused even if no trace is read",
  async () => {
    using store = localStore(path);
    const search = store.open().search(query("tag.none RLIKE '(?<=a)b'"));
    await assert.rejects(search, { message: /"\(\?<=a\)b" cannot be used: \(\?<= is not/ });
  },
);

slowTest("a worker that dies is replaced", async () => {
  let starts = 0;
  const pool = new StorePool({ path, artifacts: [] }, (files) => {
    const worker = startStoreWorker(files);
    return starts++ === 0 ? { ...worker, ended: Promise.resolve("out of memory") } : worker;
  });
  const bounds = { signal: new AbortController().signal, deadline: Date.now() + 60_000 };
  const info = { kind: "info", traceId: `tr-${"0".repeat(32)}` } as const;
  await assert.rejects(Array.fromAsync(pool.read(info, bounds)), { message: /worker .* stopped/ });
  assert.equal((await Array.fromAsync(pool.read(info, bounds))).length, 1);
  assert.equal(starts, 2);
  pool.close();
});
