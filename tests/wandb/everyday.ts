/**
 * A project as people have it, and an everyday call of each W&B tool: what the benchmark measures
 * and the test of request counts counts.
 */
import type { WandbSim } from "../support/wandb/mod.ts";
import {
  type SeedArtifact,
  seedArtifact,
  seedLink,
  seedRegistry,
  seedUse,
} from "./artifact_seed.ts";
import { seedRun } from "./seed.ts";

/** How much to write. */
export interface EverydaySize {
  /** Runs in the project. */
  readonly runs: number;
  /** Steps of each run. */
  readonly steps: number;
  /** Files of each artifact version. */
  readonly files: number;
}

/** A call of a tool. */
export interface EverydayCall {
  /** The tool's name. */
  readonly tool: string;
  /** What tells this call from others of the same tool. */
  readonly what: string;
  /** Its arguments. */
  readonly args: Readonly<Record<string, unknown>>;
  /** What the answer's JSON must hold: a wrong answer is no figure. */
  readonly expect: RegExp;
}

const AT = { entity: "sim-team", project: "everyday" };
const HERE = { entity_name: AT.entity, project_name: AT.project };
const DATA = `${AT.entity}/${AT.project}/images`;
const VERSIONS = 8;
/** When the first run began: the others followed a minute apart. */
const FIRST = Date.UTC(2026, 0, 1);
const USERS = 22;

/** Writes runs with histories, artifact versions with files and lineage, and a registry. */
export async function fillEveryday(sim: WandbSim, size: EverydaySize): Promise<void> {
  const { runs, steps, files } = size;
  for (let index = 0; index < runs; index++) {
    const lr = 10 ** -(2 + index % 4);
    const loss = (step: number) => 2 * Math.exp(-6 * step / steps) + 0.1 + lr * Math.sin(step);
    sim.insertGeneratedRun({
      ...AT,
      run: `run${index}`,
      displayName: `sweep-${index}`,
      config: {
        ...{ lr, batch_size: 32 * (1 + index % 3), optimizer: "adamw", epochs: 30, seed: index },
        model: { name: "resnet50", depth: 50, dropout: 0.1, pretrained: true },
        data: { name: "images", version: index % VERSIONS, augment: ["flip", "crop", "jitter"] },
      },
      history: {
        steps,
        secondsPerStep: 0.1,
        series: {
          "train/loss": { value: loss },
          "val/loss": { every: Math.ceil(steps / 200), value: (step) => loss(step) + 0.05 },
          "val/accuracy": { every: Math.ceil(steps / 200), value: (step) => 1 - loss(step) / 3 },
          lr: { value: (step) => lr * (1 - step / steps) },
          grad_norm: { value: (step) => 1 + 0.2 * Math.cos(step) },
        },
      },
      tags: [`depth-${index % 5}`, "baseline"],
      group: `group-${index % 7}`,
      time: {
        createdAt: new Date(FIRST + index * 60_000).toISOString(),
        heartbeatAt: new Date(FIRST + index * 60_000 + steps * 100).toISOString(),
      },
    });
  }
  const ids: string[] = [];
  for (let version = 0; version < VERSIONS; version++) {
    ids.push((await seedArtifact(sim, artifact(version, files))).id);
  }
  const first = ids[0] ?? "";
  for (let index = 0; index < USERS; index++) {
    await seedRun(sim, { ...AT, run: `user${index}`, exitcode: 0 });
    await seedUse(sim, first, { ...AT, run: `user${index}` });
  }
  await seedRegistry(sim, "data");
  await seedLink(sim, first, "data", "Images", ["stable"]);
}

function artifact(version: number, files: number): SeedArtifact {
  // A tenth of the files changes from one version to the next.
  const text = (index: number) =>
    `file ${index} as of ${index % 10 === version ? version : "ever"}`;
  return {
    ...AT,
    type: "dataset",
    collection: "images",
    run: "run0",
    description: `take ${version}`,
    metadata: JSON.stringify({ rows: 1000 + version, split: { train: 0.8, val: 0.2 } }),
    files: Object.fromEntries(
      Array.from({ length: files }, (_, index) => [`part-${index}.csv`, text(index)]),
    ),
    tags: ["clean"],
    ...(version === 0 ? { aliases: ["first"] } : {}),
  };
}

const GRAPHQL = `query Runs($entity: String!, $project: String!, $limit: Int) {
  project(entityName: $entity, name: $project) {
    runs(first: $limit, order: "-created_at") { edges { node { name displayName state tags } } }
  }
}`;

/** An everyday call of each tool, of some tools two. */
export function everydayCalls({ runs }: EverydaySize): EverydayCall[] {
  const pair = { ...HERE, run_id_a: "run0", run_id_b: "run1" };
  const all = runs + USERS;
  return [
    one("list_entities_tool", "", {}, /"sim-team"/),
    one("query_wandb_entity_projects", "", {}, /"everyday"/),
    one("probe_project_tool", `${all} runs`, HERE, new RegExp(`"run_count":${all}\\b`)),
    one("query_wandb_tool", "50 best runs", {
      ...AT,
      filters: { "config.optimizer": "adamw", state: "finished" },
      order: "+summary_metrics.val/loss",
      fields: ["summary_metrics.val/loss", "config.lr"],
      limit: 50,
    }, /"val\/loss":0\.1/),
    one("query_wandb_tool", "GraphQL, 50 runs", {
      query: GRAPHQL,
      variables: { ...AT, limit: 50 },
      max_items: 50,
      items_per_page: 50,
    }, /"hasNextPage":true/),
    one("get_run_history_tool", "two keys", {
      ...HERE,
      run_id: "run0",
      keys: ["train/loss", "val/loss"],
      samples: 100,
    }, /"val\/loss"/),
    one(
      "get_run_history_tool",
      "all keys",
      { ...HERE, run_id: "run0", samples: 100 },
      /"grad_norm"/,
    ),
    one("compare_runs_tool", "", pair, /"lr":\{"run_a":0\.01,"run_b":0\.001/),
    one(
      "compare_runs_tool",
      "with history",
      { ...pair, include_history_overlap: true },
      /"shared"/,
    ),
    one("diagnose_run_tool", "", { ...HERE, run_id: "run0" }, /"diagnosis":"converged"/),
    one("plot_runs_tool", "", { ...HERE, run_ids: ["run0"], keys: ["val/loss"] }, /val.loss/),
    one("list_registries_tool", "", {}, /"name":"data"/),
    one("list_registry_collections_tool", "", { registry_name: "data" }, /"name":"Images"/),
    one("list_artifact_versions_tool", "", { collection_name: DATA }, /"version":"v7"/),
    one("list_artifact_versions_tool", "in a registry", {
      collection_name: "Images",
      registry_name: "data",
    }, /"stable"/),
    one("get_artifact_details_tool", `lineage of ${USERS} runs`, {
      artifact_name: `${DATA}:first`,
    }, new RegExp(`"used_by_count":${USERS}`)),
    one("get_artifact_details_tool", "with files", {
      artifact_name: `${DATA}:first`,
      include_files: true,
    }, /"part-0\.csv"/),
    one("compare_artifact_versions_tool", "all files", {
      artifact_name_a: `${DATA}:first`,
      artifact_name_b: "v7",
    }, /"modified_count":/),
    one("search_wandb_docs_tool", "", { query: "log artifacts" }, /Log artifacts/),
  ];
}

function one(tool: string, what: string, args: EverydayCall["args"], expect: RegExp): EverydayCall {
  return { tool, what, args, expect };
}
