/** How runs are filtered and ordered. */
import { findProject, type Sim } from "./context.ts";
import { SimError } from "./errors.ts";
import { JsonObject, lookup, parseObject } from "./json.ts";
import type { Run, User } from "./model.ts";
import type { Getter } from "./mongo.ts";

/** The state as it reads: a silent run has crashed. */
export function stateOf(sim: Sim, run: Run): string {
  if (run.state !== "running" || run.generated !== null) return run.state;
  const silent = (Date.parse(sim.now()) - Date.parse(run.heartbeatAt)) / 1000;
  return silent > sim.behaviour.crashAfterSeconds ? "crashed" : "running";
}

/** Reads a run's fields for filters and orders. */
export function runGetter(sim: Sim, run: Run): Getter {
  let config: JsonObject | undefined;
  let summary: JsonObject | undefined;
  return (field) => {
    if (field.startsWith("config.")) {
      config ??= parseObject(run.config);
      return configValue(config, field.slice("config.".length), sim.behaviour.dottedConfigKeys);
    }
    const metric = /^(?:summary_metrics|summaryMetrics|summary)\.(.+)$/.exec(field)?.[1];
    if (metric !== undefined) {
      summary ??= parseObject(run.summary);
      return lookup(summary, metric);
    }
    if (field.startsWith("keys_info.keys.")) {
      return lookup(sim.history(run).keys(), field.slice("keys_info.".length));
    }
    return runField(sim, run, field);
  };
}

/** `lr`, `lr.value`, `model.value.depth` and `model.depth` all reach into a configuration. */
function configValue(config: JsonObject, path: string, dotted: boolean): unknown {
  const seen = Object.entries(config).filter(([key]) => dotted || !key.includes("."));
  const unwrapped = Object.fromEntries(
    seen.map(([key, entry]) => {
      const object = JsonObject.safeParse(entry);
      return [key, object.success && "value" in object.data ? object.data["value"] : entry];
    }),
  );
  return lookup(unwrapped, path) ?? lookup(Object.fromEntries(seen), path);
}

function runField(sim: Sim, run: Run, field: string): unknown {
  switch (field) {
    case "id":
      return run.id;
    case "name":
      return run.name;
    case "displayName":
    case "display_name":
      return run.displayName;
    case "state":
      return stateOf(sim, run);
    case "tags":
      return run.tags;
    case "group":
      return run.group;
    case "jobType":
    case "job_type":
      return run.jobType;
    case "createdAt":
    case "created_at":
      return run.createdAt;
    case "updatedAt":
    case "updated_at":
      return run.updatedAt;
    case "heartbeatAt":
    case "heartbeat_at":
      return run.heartbeatAt;
    case "username":
    case "user.username":
      return run.username;
    case "sweep":
      return run.sweep === null ? null : sim.db.sweeps.get(run.sweep)?.name;
    case "host":
      return run.host;
    case "notes":
      return run.notes;
    case "description":
      return run.description;
    case "commit":
      return run.commit;
    case "duration":
      return (Date.parse(run.heartbeatAt) - Date.parse(run.createdAt)) / 1000;
    default:
      if (!sim.behaviour.refusesUnknownFields) return undefined;
      throw new SimError(400, `invalid filter field: ${field}`);
  }
}

/** The run that a path names. */
export function findRun(
  sim: Sim,
  caller: User,
  entity: string,
  project: string,
  name: string,
): Run | undefined {
  const found = findProject(sim, caller, entity, project);
  return found && sim.db.runs.first({ project: found.id, name });
}
