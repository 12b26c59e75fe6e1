/** Answers that hold less than was expected: agents kept elsewhere, names that the server rewrites. */
import assert from "node:assert/strict";
import { countTraces, queryTraces } from "../../../src/wandb/tools/query_traces.ts";
import { inferSchema } from "../../../src/wandb/tools/infer_schema.ts";
import { resolveRoots } from "../../../src/wandb/tools/resolve_roots.ts";
import { startWeave } from "../../support/weave/server.ts";
import { writeCalls } from "../../support/weave/write.ts";
import { type Data, record, rigOn } from "./harness.ts";

for (const store of ["sqlite", "clickhouse"] as const) {
  Deno.test(`every tool names agents that write no calls (${store})`, async () => {
    const weave = await startWeave({ store });
    try {
      await weave.python("seed_conversation.py", [weave.project], "weave-newest");
      const project = `${weave.project.split("/")[0]}/without-agents`;
      await writeCalls(weave, project, [{ name: "tool" }]);
      const rig = rigOn(weave);
      const notes = async (args: Data, rig: ReturnType<typeof rigOn>) =>
        [
          record((await rig.call(queryTraces, args))["metadata"])["note"],
          (await rig.call(countTraces, args))["note"],
          (await rig.call(inferSchema, args))["note"],
        ].map(String);
      for (const note of await notes({}, rig)) {
        assert.match(note, /no calls in this project, but agents .*"travel agent" \(spans: \d/);
      }
      for (const filters of [{ trace_roots_only: true }, { inputs: { q: "Where to?" } }]) {
        for (const note of await notes({ filters }, rig)) {
          assert.match(note, /No call matches.* may be elsewhere.*"travel agent"/);
        }
      }
      const { note } = await rig.call(resolveRoots, { trace_ids: ["a"] });
      assert.match(String(note), /may be traces of agents.*"travel agent"/);
      for (
        const note of await notes({ filters: { op_name: "other" } }, rigOn({ ...weave, project }))
      ) {
        assert.match(note, /No call matches/);
        assert.doesNotMatch(note, /agent/);
      }
    } finally {
      await weave.stop();
    }
  });
}
