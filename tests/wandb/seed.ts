import type { WandbSim } from "../support/wandb/mod.ts";

/** A run to write, as W&B's client writes one. */
export interface SeedRun {
  readonly entity: string;
  readonly project: string;
  readonly run: string;
  readonly displayName?: string;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly summary?: Readonly<Record<string, unknown>>;
  /** Where it was forked from, as W&B's client writes it. */
  readonly branch?: { readonly run_id: string; readonly step: number };
  readonly history?: readonly Readonly<Record<string, unknown>>[];
  readonly events?: readonly Readonly<Record<string, unknown>>[];
  readonly console?: readonly string[];
  readonly tags?: readonly string[];
  readonly group?: string;
  readonly jobType?: string;
  /** Exit code; leave out for a run that still runs. */
  readonly exitcode?: number;
}

const UPSERT = `mutation Seed($e: String, $p: String, $r: String, $d: String, $c: JSONString,
  $s: JSONString, $t: [String!], $g: String, $j: String) {
  upsertBucket(input: {entityName: $e, modelName: $p, name: $r, displayName: $d, config: $c,
    summaryMetrics: $s, tags: $t, groupName: $g, jobType: $j}) { bucket { id } }
}`;

/** JSON as Python writes it: NaN and infinities bare. */
export function pythonJson(value: unknown): string {
  const marked = JSON.stringify(
    value,
    (_, item) => typeof item === "number" && !Number.isFinite(item) ? `\u0001${item}\u0001` : item,
  );
  return marked.replaceAll(/"\\u0001(-?\w+)\\u0001"/g, "$1");
}

/** Writes a run through the API. */
export async function seedRun(sim: WandbSim, seed: SeedRun): Promise<void> {
  const { entity, project, run } = seed;
  const config = Object.fromEntries(
    Object.entries(seed.config ?? {}).map(([key, value]) => [key, { value, desc: null }]),
  );
  await graphql(sim, UPSERT, {
    e: entity,
    p: project,
    r: run,
    d: seed.displayName ?? null,
    c: JSON.stringify({
      ...config,
      _wandb: {
        value: {
          cli_version: "0.25.1",
          ...(seed.branch === undefined ? {} : { branch_point: seed.branch }),
        },
      },
    }),
    t: seed.tags ?? [],
    g: seed.group ?? null,
    j: seed.jobType ?? null,
  });
  const part = (lines: readonly unknown[]) => ({
    offset: 0,
    content: lines.map((line) => typeof line === "string" ? line : pythonJson(line)),
  });
  const files = {
    ...(seed.history === undefined ? {} : { "wandb-history.jsonl": part(seed.history) }),
    ...(seed.summary === undefined ? {} : { "wandb-summary.json": part([seed.summary]) }),
    ...(seed.events === undefined ? {} : { "wandb-events.jsonl": part(seed.events) }),
    ...(seed.console === undefined ? {} : { "output.log": part(seed.console) }),
  };
  const done = seed.exitcode === undefined ? {} : { complete: true, exitcode: seed.exitcode };
  await post(sim, `/files/${entity}/${project}/${run}/file_stream`, { files, ...done });
}

/** Sends a GraphQL request with the main user's key. */
export async function graphql(
  sim: WandbSim,
  query: string,
  variables: Record<string, unknown>,
): Promise<unknown> {
  return await post(sim, "/graphql", { query, variables });
}

async function post(sim: WandbSim, path: string, body: unknown): Promise<unknown> {
  const response = await fetch(`${sim.url}${path}`, {
    method: "POST",
    headers: {
      authorization: `Basic ${btoa(`api:${sim.apiKey}`)}`,
      "content-type": "application/json",
    },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok || text.includes('"errors"')) {
    throw new Error(`${path}: ${response.status} ${text.slice(0, 500)}`);
  }
  return JSON.parse(text);
}
