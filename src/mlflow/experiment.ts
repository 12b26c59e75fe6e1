import { didYouMean, Failure, isFailure, shortenName } from "../core/failure.ts";
import type { ReadServices } from "./services.ts";
import type { Experiment, TraceReader } from "./store.ts";

/** Experiments shown when one is not found. */
const SHOWN = 10;

/**
 * Finds the id of the experiment that a call means: its argument (an id or a name), or else the
 * configured default.
 */
export async function findExperimentId(
  given: string | undefined,
  { mlflow, experiment }: ReadServices,
): Promise<string> {
  if (given !== undefined) {
    const wanted = given.trim();
    return isId(wanted) ? wanted : await findIdByName(mlflow, wanted, "experiment_id");
  }
  if (experiment.id !== undefined) {
    // The server would fail on a name.
    return isId(experiment.id)
      ? experiment.id
      : await findIdByName(mlflow, experiment.id, "MLFLOW_EXPERIMENT_ID");
  }
  if (experiment.name !== undefined) {
    return await findIdByName(mlflow, experiment.name, "MLFLOW_EXPERIMENT_NAME");
  }
  throw new Failure("invalid_arguments", "`experiment_id` is missing and no default is set.", {
    hint: `${(await listExperiments(mlflow)).hint} A default is set by MLFLOW_EXPERIMENT_ID.`,
  });
}

/** Like {@link findExperimentId}, but makes sure that the experiment exists. */
export async function findExperiment(
  given: string | undefined,
  services: ReadServices,
): Promise<Experiment> {
  const id = await findExperimentId(given, services);
  return await services.mlflow.experimentById(id) ?? await failWithoutExperiment(services, id);
}

/** The failure for an id that no experiment has; says so if it is the configured default. */
export async function failWithoutExperiment(
  { mlflow, experiment }: ReadServices,
  id: string,
): Promise<never> {
  const { hint } = await listExperiments(mlflow, id);
  const from = id === experiment.id ? ", which MLFLOW_EXPERIMENT_ID names" : "";
  throw new Failure("not_found", `There is no experiment ${JSON.stringify(id)}${from}.`, { hint });
}

function isId(text: string): boolean {
  return /^\d{1,20}$/.test(text);
}

async function findIdByName(mlflow: TraceReader, name: string, source: string): Promise<string> {
  const found = await mlflow.experimentByName(name);
  if (found !== undefined) return found.id;
  const { meant, hint } = await listExperiments(mlflow, name);
  const several = /^\s*\[?\s*"?\d+"?(\s*,\s*"?\d+"?)+\s*\]?\s*$/.test(name);
  throw new Failure(
    "not_found",
    `\`${source}\`: there is no experiment with the id or name ${
      JSON.stringify(shortenName(name))
    }${meant}`,
    { hint: `${several ? "Search one experiment at a time. " : ""}${hint}` },
  );
}

/** Lists the experiments, and those that a wrong name may have meant. */
async function listExperiments(
  mlflow: TraceReader,
  wanted?: string,
): Promise<{ meant: string; hint: string }> {
  let all: readonly Experiment[];
  try {
    all = await mlflow.experiments(200);
  } catch (error) {
    // If none was named, this failure is what the caller needs to know.
    if (!isFailure(error) || wanted === undefined) throw error;
    return { meant: ".", hint: `The experiments could not be listed: ${error.message}` };
  }
  if (all.length === 0) return { meant: ".", hint: "There are no experiments to choose from." };
  const shown = new Map(all.map(({ id, name }) => [name, `${id} (${name})`]));
  const more = all.length > SHOWN ? ` and ${all.length - SHOWN} more` : "";
  return {
    meant: didYouMean(wanted ?? "", shown.keys(), (name) => shown.get(name) ?? name),
    hint: `Experiments: ${[...shown.values()].slice(0, SHOWN).join(", ")}${more}.`,
  };
}
