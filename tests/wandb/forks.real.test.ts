/** Runs that W&B's own client forks and rewinds: whose steps an answer holds, and whose it lacks. */
import assert from "node:assert/strict";
import { z } from "zod";
import { getRunHistory } from "../../src/wandb/tools/get_run_history.ts";
import { queryWandb } from "../../src/wandb/tools/query_wandb.ts";
import { runScript, WANDB_VERSIONS } from "../support/wandb/python.ts";
import { list, startRig } from "./harness.ts";

const Ids = z.object({ parent: z.string(), child: z.string(), rewound: z.string() });
const HERE = { entity_name: "sim-team", project_name: "forks" };

for (const version of WANDB_VERSIONS) {
  Deno.test(`${version}: forked and rewound runs name their fork point`, async () => {
    await using rig = startRig();
    const ids = Ids.parse(await runScript(rig.sim, version, "fork.py", ["sim-team", "forks"]));
    const history = async (run_id: string) => {
      const data = await rig.data(getRunHistory, { ...HERE, run_id, keys: ["loss"] });
      return { steps: list(data["rows"]).map((row) => row["_step"]), notes: data["notes"] };
    };
    assert.deepEqual((await history(ids.parent)).notes, undefined);
    assert.deepEqual(await history(ids.child), {
      steps: [5, 6, 7],
      notes: [
        `Run ${ids.child} was forked from run ${ids.parent} at step 4: the steps up to 4 are ` +
        `not included; read them with run_id=${ids.parent}, max_step=4.`,
      ],
    });
    assert.deepEqual(await history(ids.rewound), {
      steps: [0, 1, 2, 3, 4, 5],
      notes: [
        `Run ${ids.rewound} was rewound to step 3: what it had logged after that is not included.`,
      ],
    });
    const { items } = await rig.data(queryWandb, {
      ...HERE,
      fields: ["id", "forked_from"],
      order: "+created_at",
    });
    assert.deepEqual(items, [
      { id: ids.parent },
      { id: ids.child, forked_from: { run_id: ids.parent, step: 4 } },
      { id: ids.rewound, forked_from: { run_id: ids.rewound, step: 3 } },
    ]);
    assert.deepEqual(rig.sim.defects, []);
  });
}
