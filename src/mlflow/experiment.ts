import { Failure, isFailure } from "../core/failure.ts";
import { nearest, oneOf } from "../core/nearest.ts";
import type { ReadServices } from "./services.ts";
import type { Experiment, TraceReader } from "./store.ts";

/** Experiments shown when one is not found. */
const SHOWN = 10;

/**
 * The id of the experiment that a call means: its argument (an id, or a name), else the
 * configured default.
 *
 * @throws {Failure} listing some that exist, when it means none.
 */
export async function experimentIdOf(
  given: string | undefined,
  { mlflow, experiment }: ReadServices,
): Promise<string> {
  const wanted = given?.trim();
  if (wanted !== undefined && wanted !== "") {
    return isId(wanted) ? wanted : await idOfName(mlflow, wanted, "experiment_id");
  }
  if (experiment.id !== undefined) {
    // A name there would end in a failure of the server.
    return isId(experiment.id)
      ? experiment.id
      : await idOfName(mlflow, experiment.id, "MLFLOW_EXPERIMENT_ID");
  }
  if (experiment.name !== undefined) {
    return await idOfName(mlflow, experiment.name, "MLFLOW_EXPERIMENT_NAME");
  }
  throw new Failure("invalid_arguments", "`experiment_id` is missing and no default is set.", {
    hint: `${await someExperiments(mlflow)} A default is set by MLFLOW_EXPERIMENT_ID.`,
  });
}

/**
 * The same, making sure that the experiment exists.
 *
 * @throws {Failure} `not_found`, listing some that exist.
 */
export async function existingExperiment(
  given: string | undefined,
  services: ReadServices,
): Promise<Experiment> {
  const id = await experimentIdOf(given, services);
  return await services.mlflow.experimentById(id) ?? await noSuchExperiment(services.mlflow, id);
}

/** Throws the error for an experiment that does not exist. */
export async function noSuchExperiment(mlflow: TraceReader, id: string): Promise<never> {
  throw new Failure("not_found", `There is no experiment ${JSON.stringify(id)}.`, {
    hint: await someExperiments(mlflow, id),
  });
}

function isId(text: string): boolean {
  return /^\d{1,20}$/.test(text);
}

async function idOfName(mlflow: TraceReader, name: string, source: string): Promise<string> {
  const found = await mlflow.experimentByName(name);
  if (found !== undefined) return found.id;
  throw new Failure(
    "not_found",
    `\`${source}\`: there is no experiment with the id or name ${JSON.stringify(name)}.`,
    {
      hint:
        (/^\s*\[?\s*"?\d+"?(\s*,\s*"?\d+"?)+\s*\]?\s*$/.test(name)
          ? "Search one experiment at a time. "
          : "") + await someExperiments(mlflow, name),
    },
  );
}

async function someExperiments(mlflow: TraceReader, wanted?: string): Promise<string> {
  let all: readonly Experiment[];
  try {
    all = await mlflow.experiments(200);
  } catch (error) {
    // Where none was asked for, it is this failure that stands in the way.
    if (!isFailure(error) || wanted === undefined) throw error;
    return `The experiments could not be listed: ${error.message}`;
  }
  if (all.length === 0) return "There are no experiments to choose from.";
  const show = ({ id, name }: Experiment) => `${id} (${name})`;
  const guesses = wanted === undefined ? [] : nearest(wanted, all.map(({ name }) => name));
  const meant = all.filter(({ name }) => guesses.includes(name)).map(show);
  const listed = all.slice(0, SHOWN).map(show).join(", ");
  const more = all.length > SHOWN ? ` and ${all.length - SHOWN} more` : "";
  return `${meant.length === 0 ? "" : `Did you mean ${oneOf(meant)}? `}` +
    `Experiments: ${listed}${more}.`;
}
