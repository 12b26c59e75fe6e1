/** Usage of spans that came by OpenTelemetry: a span's own, unless it sums up. */
import assert from "node:assert/strict";
import { z } from "zod";
import { queryTraces } from "../../../src/wandb/tools/query_traces.ts";
import { shared } from "../../support/backend.ts";
import { WEAVE_SERVERS, weaveClickhouse } from "../../support/weave/seeded.ts";
import { attach } from "../../support/weave/server.ts";
import { list, record, rigOn } from "./harness.ts";

const Traces = z.record(z.string(), z.string());

/** US dollars for what is read and written, from the price list of Weave's server. */
const CHAT = (read: number, written: number) => read * 0.15e-6 + written * 0.6e-6;
const EMBEDDING = 7 * 0.02e-6;

const TOTALS = {
  other_model: { tokens: 8 + 120, cost: EMBEDDING + CHAT(100, 20), filled: true },
  same_model: { tokens: 11 + 120, cost: CHAT(110, 21), filled: true },
  nested: { tokens: 11 + 120, cost: CHAT(110, 21), filled: true },
  summed_up: { tokens: 240, cost: CHAT(200, 40), filled: false },
  // The server prices each spelling, which is taken back.
  both_spellings: { tokens: 120, cost: CHAT(100, 20), filled: true },
  larger: { tokens: 360, cost: CHAT(300, 60), filled: false },
};

for (const backend of WEAVE_SERVERS) {
  Deno.test(`spans' own usage is added to that of the spans below (${backend.name})`, async () => {
    const state = await shared(backend);
    const project = `${state.project.split("/")[0]}/spans-${crypto.randomUUID().slice(0, 8)}`;
    const output = await attach(state).python("seed_spans.py", [project], "weave");
    const traces = Traces.parse(JSON.parse(output));
    const rig = rigOn({ ...state, project });
    const near = (found: unknown, expected: number, label: string) => {
      if (backend !== weaveClickhouse) assert.equal(found, undefined, "SQLite has no prices");
      else assert.ok(Math.abs(Number(found) - expected) < 1e-10, `${label}: ${found}`);
    };
    const read = async (filters: Record<string, unknown>, sort_direction = "asc") => {
      const found = await rig.call(queryTraces, { filters, sort_direction });
      const { token_counts: counts, usage_note: note } = record(found["metadata"]);
      return { rows: list(found["traces"]), counts: record(counts), note };
    };
    for (const [label, { tokens, cost, filled }] of Object.entries(TOTALS)) {
      const filters = { trace_id: traces[label] };
      for (const direction of ["asc", "desc"]) {
        const { counts } = await read(filters, direction);
        assert.equal(counts["total_tokens"], tokens, label);
        near(counts["total_cost"], cost, label);
        assert.equal(
          counts["possibly_hiding_calls"],
          label === "larger" ? 1 : undefined,
          label,
        );
      }
      const { rows: [root = {}], counts, note } = await read({
        ...filters,
        trace_roots_only: true,
      });
      assert.equal(counts["total_tokens"], tokens, label);
      near(counts["total_cost"], cost, label);
      const used = Object.values(record(root["usage"])).map(record);
      const sum = used.reduce((total, one) => total + Number(one["total_tokens"] ?? 0), 0);
      assert.equal(sum, tokens, `${label}: the root's row`);
      if (filled) assert.match(String(note), /summed up here: 1\./, label);
      else if (label === "larger") assert.match(String(note), /may have to be added: 1\./);
      else assert.equal(note, undefined, label);
    }
    const all = Object.values(TOTALS).reduce((sum, { tokens }) => sum + tokens, 0);
    assert.equal((await read({})).counts["total_tokens"], all);
  });
}
