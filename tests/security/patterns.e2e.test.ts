/** Hostile regular expressions on a local store, in the product's process: answered or ended, then idle. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { answerTo, initialize, send } from "../e2e/rpc.ts";
import { Random } from "../analysis/random.ts";
import { idle } from "./idle.ts";
import { startStdio } from "../support/product.ts";
import { ROOT } from "../support/python/layout.ts";
import { slowTest } from "../support/slow.ts";

/** A store with texts on which backtracking would never end. */
async function makeStore(folder: string): Promise<string> {
  const file = join(folder, "mlflow.db");
  await Deno.copyFile(join(ROOT, "examples", "mlflow.db"), file);
  using writer = new DatabaseSync(file);
  const rows = writer.prepare("SELECT request_id AS id FROM trace_info").all();
  const insert = writer.prepare(
    "INSERT INTO trace_tags (request_id, key, value) VALUES (?, ?, ?)",
  );
  const random = new Random(7);
  writer.exec("BEGIN");
  for (const row of rows) {
    const id = row["id"] ?? null;
    insert.run(id, "nested", `${"a".repeat(30_000)}b`);
    for (let index = 0; index < 40; index++) {
      const letters = Array.from({ length: 30_000 }, () => random.pick(["a", "b"]));
      insert.run(id, `long${index}`, `${letters.join("")}${index}`);
    }
  }
  writer.exec("COMMIT");
  return file;
}

slowTest("hostile patterns are answered or stopped at the limit, and no work goes on", async () => {
  const folder = await Deno.makeTempDir({ prefix: "wandflow-patterns-" });
  try {
    await using product = await startStdio({
      MLFLOW_TRACKING_URI: `sqlite:///${await makeStore(folder)}`,
      MLFLOW_HTTP_REQUEST_TIMEOUT: "2",
    });
    await initialize(product);
    let id = 0;
    const search = async (filter_string: string) => {
      const own = ++id;
      await send(product, {
        id: own,
        method: "tools/call",
        params: {
          name: "search_traces",
          arguments: { experiment_id: "1", filter_string, extract_fields: "info.trace_id" },
        },
      });
      return JSON.stringify((await answerTo(product, own)).result);
    };
    const nested = ["(a+)+$", "^(a|a)*$", "(a*)*c", "([a-z]+)*!"];
    for (
      const answer of await Promise.all(nested.map((one) => search(`tag.nested RLIKE '${one}'`)))
    ) {
      assert.match(answer, /"returned":0/);
    }
    await idle(product);
    // Each text takes some 200 ms, since no two of its places leave the matcher in the same state,
    // and there are more than a thousand.
    const endless = Array.from(
      { length: 40 },
      (_, index) => `tag.long${index} RLIKE 'a[ab]{400}c|\\d$'`,
    ).join(" AND ");
    const late = Promise.all([search(endless), search(endless), search(endless)]);
    const ping = ++id;
    await send(product, { id: ping, method: "ping" });
    assert.deepEqual((await answerTo(product, ping)).result, {});
    for (const answer of await late) assert.match(answer, /took too long/);
    await idle(product);
    assert.match(await search("status = 'ERROR'"), /"returned":[1-9]/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
