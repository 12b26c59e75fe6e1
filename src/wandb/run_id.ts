import { percentDecoded } from "../core/percent.ts";
import type { Wandb } from "./client.ts";
import { type Place, placeOf } from "./tool.ts";

/** A run and where it is. */
export interface RunPlace extends Place {
  /** Short id. */
  readonly run: string;
}

/**
 * The run of a call. `run_id` is the short id; a path (`entity/project/id`) or the address of the
 * run's web page is understood too and says where the run is.
 */
export function runPlaceOf(
  args: { entity_name?: string | undefined; project_name?: string | undefined },
  runId: string,
  wandb: Wandb,
): RunPlace {
  const parts = partsOf(runId.trim());
  const [entity, project, run] = parts.length === 4 && parts[2] === "runs"
    ? [parts[0], parts[1], parts[3]]
    : parts;
  if (parts.length >= 3 && run !== undefined) {
    return { ...placeOf({ entity_name: entity, project_name: project }, wandb), run };
  }
  return { ...placeOf(args, wandb), run: runId.trim() };
}

function partsOf(text: string): string[] {
  const url = /^https?:\/\//.test(text) ? URL.parse(text) : null;
  const path = url === null ? text : url.pathname;
  const parts = path.split("/").filter((part) => part !== "");
  if (url === null) return parts;
  return parts.slice(0, 4).map(percentDecoded);
}
