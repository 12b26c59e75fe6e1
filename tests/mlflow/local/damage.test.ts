/** Damaged parts are reported as damaged, and do not affect the rest. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { isFailure } from "../../../src/core/failure.ts";
import { at, listAt } from "../harness.ts";
import { callTool, EXAMPLE_STORE, localStore } from "./harness.ts";

async function inFolder(run: (folder: string, path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const path = join(folder, "mlflow.db");
    await Deno.copyFile(EXAMPLE_STORE, path);
    await run(folder, path);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Damaged contents of a span in the database, with the message. */
const CONTENTS: readonly (readonly [content: string, told: RegExp])[] = [
  ['{"name": "x"', /A span of this trace is damaged/],
  ["", /A span of this trace is damaged/],
  [`{"attributes": ${"[".repeat(5_000)}${"]".repeat(5_000)}}`, /nested deeper than 512 levels/],
  ['{"name": "x\0y"}', /A span of this trace is damaged/],
  ["[]", /A span of this trace is damaged/],
  ['"text"', /A span of this trace is damaged/],
  ['{"name": 7}', /damaged: name: /],
  ['{"name": "x", "events": 1}', /damaged: events: /],
];

/** Damaged files of spans, with the message. */
const FILES: readonly (readonly [text: string | undefined, told: RegExp])[] = [
  [undefined, /kept in traces\.json below mlflow-artifacts:.*does not exist/],
  ["", /traces\.json, is damaged: it is empty/],
  ['{"spans": [{"name": "x"}, {"na', /traces\.json, is damaged: it is cut short/],
  ["<html><body>404</body></html>", /traces\.json, is damaged: it holds no JSON object with spans/],
  ['{"spans": [{"name": 3}]}', /damaged: name: /],
];

Deno.test("traces whose spans cannot be read are returned with the others and a reason", () =>
  inFolder(async (folder, path) => {
    const told = new Map<string, RegExp>();
    {
      using writer = new DatabaseSync(path);
      const ids = writer.prepare(
        "SELECT request_id AS id, value AS location FROM trace_info JOIN trace_tags " +
          "USING (request_id) WHERE key = 'mlflow.artifactLocation' AND experiment_id = 1",
      ).all();
      const next = () => {
        const row = ids.pop();
        return { id: String(row?.["id"]), location: String(row?.["location"]) };
      };
      for (const [content, reason] of CONTENTS) {
        const { id } = next();
        const one = "SELECT rowid FROM spans WHERE trace_id = ? LIMIT 1";
        writer.prepare(`UPDATE spans SET content = ? WHERE rowid = (${one})`).run(content, id);
        told.set(id, reason);
      }
      for (const [text, reason] of FILES) {
        const { id, location } = next();
        writer.prepare("DELETE FROM spans WHERE trace_id = ?").run(id);
        writer.prepare(
          "DELETE FROM trace_tags WHERE key = 'mlflow.trace.spansLocation' AND request_id = ?",
        ).run(id);
        told.set(id, reason);
        if (text === undefined) continue;
        const place = join(folder, "mlartifacts", location.replace("mlflow-artifacts:/", ""));
        await Deno.mkdir(place, { recursive: true });
        await Deno.writeTextFile(join(place, "traces.json"), text);
      }
    }
    using store = localStore(path, [join(folder, "mlartifacts")]);
    const answer = await callTool("search_traces", store.open(), {
      experiment_id: "1",
      extract_fields: "info.trace_id,data.spans.*.name",
    });
    const traces = listAt(answer, "traces");
    assert.equal(traces.length, 36);
    const whole = traces.filter((trace) => !told.has(String(at(trace, "info", "trace_id"))));
    assert.equal(whole.length, 36 - told.size);
    assert.ok(whole.every((trace) => listAt(at(trace, "data"), "spans").length > 0));
    const notes = listAt(answer, "notes").map(String).join("\n");
    for (const reason of told.values()) assert.match(notes, reason);
    assert.match(notes, /The spans of \d+ traces could not be read \(tr-/);
    for (const [id, reason] of told) {
      const whole = await callTool("get_trace", store.open(), { trace_id: id });
      assert.equal(at(whole, "info", "trace_id"), id);
      const note = listAt(whole, "notes").map(String).join("\n");
      assert.match(note, /^(The|Only \d+) spans could (not )?be read: /);
      assert.match(note, reason);
      assert.doesNotMatch(note, /server|proxy|reply|Repeat/);
      if (note.startsWith("Only")) continue;
      const spans = { trace_id: id, extract_fields: "data.spans.*.name" };
      await assert.rejects(
        callTool("get_trace", store.open(), spans),
        (error: unknown) => isFailure(error) && !error.retryable && reason.test(error.message),
      );
      const info = await callTool("get_trace", store.open(), {
        trace_id: id,
        extract_fields: "info.trace_id",
      });
      assert.equal(at(info, "info", "trace_id"), id);
    }
  }));

Deno.test("a missing store is reported, with and without experiment_id", () =>
  inFolder(async (folder) => {
    using store = localStore(join(folder, "other.db"));
    for (const args of [{}, { experiment_id: "1" }, { experiment_id: "agents" }]) {
      await assert.rejects(callTool("search_traces", store.open(), args), {
        message: /There is no file .*other\.db/,
      });
    }
  }));

Deno.test("invalid times are left out", () =>
  inFolder(async (_, path) => {
    {
      using writer = new DatabaseSync(path);
      writer.exec("UPDATE trace_info SET timestamp_ms = 9000000000000000000");
      writer.exec("UPDATE assessments SET created_timestamp = 'soon'");
    }
    using store = localStore(path);
    const answer = await callTool("search_traces", store.open(), {
      experiment_id: "1",
      extract_fields: "info.state,info.request_time,info.assessments.*.create_time",
    });
    assert.equal(listAt(answer, "traces").length, 36);
    assert.equal(at(listAt(answer, "traces")[0], "info", "request_time") ?? null, null);
  }));
