import { badArgument, Failure } from "../core/failure.ts";
import { noSuchExperiment } from "./experiment.ts";
import type { ReadServices } from "./services.ts";

/**
 * Why nothing was found, and what to try; an empty result of an experiment or run that does not
 * exist is an error, not an answer.
 *
 * @throws {Failure} `not_found` or `invalid_arguments`.
 */
export async function explainEmpty(
  args: { readonly run_id?: string | undefined; readonly page_token?: string | undefined },
  experimentId: string,
  filtered: boolean,
  { mlflow }: ReadServices,
): Promise<string> {
  const experiment = await mlflow.experimentById(experimentId) ??
    await noSuchExperiment(mlflow, experimentId);
  if (args.run_id !== undefined) {
    const owner = await mlflow.experimentOfRun(args.run_id) ?? noSuchRun(args.run_id);
    if (owner !== experimentId) {
      throw badArgument(
        `Run ${args.run_id} belongs to experiment ${owner}, not ${experimentId}.`,
        `Call again with experiment_id=${owner}, or without it.`,
      );
    }
  }
  const place = `experiment ${experimentId} (${experiment.name})`;
  if (args.page_token !== undefined) return `Nothing follows page_token in ${place}.`;
  if (!filtered) return `There are no traces in ${place}.`;
  const all = await mlflow.count({ experimentIds: [experimentId] });
  return `No trace of ${place} matches` +
    (all === undefined ? "" : `; without the filter there are ${all}`) +
    ". Leave out one comparison at a time to see which excludes them.";
}

/** Throws the error for a run that does not exist. */
export function noSuchRun(runId: string): never {
  throw new Failure("not_found", `There is no run ${JSON.stringify(runId.slice(0, 80))}.`, {
    hint: "Use the run's id, a 32-digit hex number, not its name.",
  });
}
