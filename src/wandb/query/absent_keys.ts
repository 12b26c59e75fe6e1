import * as z from "zod";
import { nearest, oneOf } from "../../core/nearest.ts";
import type { JsonObject } from "../../core/json.ts";
import type { WandbSession } from "../client.ts";
import { valueAt } from "../history/series.ts";
import { quietly } from "../missing.ts";
import { configOf, connectionOf, HISTORY_KEYS, OBJECT_FIELD, summaryOf } from "../shapes.ts";
import type { ProjectRef } from "../project.ts";

/** What a project's newest runs have been configured with and have logged. */
export const KNOWN_KEYS = `query KnownKeys($e: String!, $p: String!) {
  project(entityName: $e, name: $p) {
    runs(first: 20, order: "-created_at") {
      edges { node { config summaryMetrics historyKeys } }
    }
  }
}`;

const RUN = z.looseObject({
  config: OBJECT_FIELD,
  summaryMetrics: OBJECT_FIELD,
  historyKeys: HISTORY_KEYS,
});
const SHAPE = z.looseObject({
  project: z.looseObject({ runs: connectionOf(RUN) }).nullish(),
});

/**
 * Sentences about metrics and settings (`summary_metrics.K`, `config.K`) that none of a project's
 * newest runs has, with the nearest that they have. W&B itself sorts by a misspelt one as if
 * nothing had been said, and finds nothing by it.
 */
export async function absentKeys(
  session: WandbSession,
  place: ProjectRef,
  names: readonly string[],
): Promise<string[]> {
  const variables = { e: place.entity, p: place.project };
  const found = await quietly(session.ask(KNOWN_KEYS, variables, SHAPE));
  const runs = found?.project?.runs.nodes ?? [];
  if (runs.length === 0) return [];
  const configs = runs.map((run) => configOf(run.config));
  const summaries = runs.map((run) => run.summaryMetrics);
  const logged = runs.flatMap((run) => [...run.historyKeys.keys.keys()]);
  return names.flatMap((name) => {
    const [, part, key = ""] = /^(config|summary_metrics)\.(.+)$/s.exec(name) ?? [];
    if (part === undefined) return [];
    const ofConfig = part === "config";
    if (hasKey(ofConfig ? configs : summaries, key) || (!ofConfig && logged.includes(key))) {
      return [];
    }
    const own = ofConfig ? configs : summaries.map(summaryOf);
    const known = [...own.flatMap((one) => Object.keys(one)), ...(ofConfig ? [] : logged)];
    const near = nearest(key, known).map((one) => `${part}.${one}`);
    return [
      `None of the ${runs.length} newest runs has ${name}` +
      (near.length > 0 ? `; did you mean ${oneOf(near)}?` : "; probe_project_tool names the keys."),
    ];
  });
}

function hasKey(objects: readonly JsonObject[], key: string): boolean {
  const plain = key.replace(/\.value$/, "");
  return objects.some((one) =>
    valueAt(one, key) !== undefined || valueAt(one, plain) !== undefined
  );
}
