/** The stub's answer of `/v2/{entity}/{project}/eval_results/query`: rows, or statistics. */
import { z } from "zod";
import type { StubCall } from "./stub_query.ts";

const Body = z.strictObject({
  evaluation_call_ids: z.array(z.string()).min(1),
  include_rows: z.boolean(),
  limit: z.int().optional(),
  include_summary: z.boolean(),
  include_raw_data_rows: z.boolean(),
  resolve_row_refs: z.boolean(),
});
const Contents = z.looseObject({
  output: z.unknown(),
  scores: z.record(z.string(), z.unknown()).catch({}),
}).catch({ output: null, scores: {} });
const Inputs = z.looseObject({ example: z.unknown() });

const Fields = z.record(z.string(), z.unknown());

interface Value {
  readonly scorer: string;
  readonly path: string | null;
  readonly value: unknown;
}

interface Trial {
  readonly evaluation: string;
  readonly row: string;
  readonly example: unknown;
  readonly id: string;
  readonly output: unknown;
  readonly scores: Readonly<Record<string, unknown>>;
}

/** As the service has it: predictions of Weave's Python client alone. */
export function evaluationResults(calls: readonly StubCall[], body: unknown): unknown {
  const query = Body.parse(body);
  const trials = calls.flatMap((call): Trial[] => {
    const evaluation = String(call["parent_id"]);
    const own = query.evaluation_call_ids.includes(evaluation) &&
      String(call["op_name"]).includes("/op/Evaluation.predict_and_score:");
    if (!own) return [];
    const { example } = Inputs.parse(call["inputs"]);
    const { output, scores } = Contents.parse(call["output"]);
    return [{ evaluation, row: JSON.stringify(example), example, id: call.id, output, scores }];
  });
  const rows = query.include_rows
    ? rowsOf(trials, query.include_raw_data_rows).slice(0, query.limit)
    : [];
  const summary = query.include_summary ? { evaluations: statistics(trials) } : null;
  return { rows, total_rows: rows.length, summary, warnings: [] };
}

function rowsOf(trials: readonly Trial[], raw: boolean): unknown[] {
  return [...Map.groupBy(trials, ({ row }) => row)].map(([digest, row]) => ({
    row_digest: digest,
    raw_data_row: raw ? row[0]?.example : null,
    evaluations: [...Map.groupBy(row, ({ evaluation }) => evaluation)].map(([id, own]) => ({
      evaluation_call_id: id,
      trials: own.map((trial) => ({
        predict_and_score_call_id: trial.id,
        model_output: trial.output,
        scores: trial.scores,
      })),
    })),
  }));
}

/** Booleans and numbers, bare or in an object: texts among these have no statistics. */
function statistics(trials: readonly Trial[]): unknown[] {
  return [...Map.groupBy(trials, ({ evaluation }) => evaluation)].map(([id, own]) => {
    const values = own.flatMap(({ scores }) => Object.entries(scores)).flatMap(
      ([scorer, value]): Value[] => {
        const object = Fields.safeParse(value);
        if (!object.success) return [{ scorer, path: null, value }];
        return Object.entries(object.data).map(([path, item]) => ({ scorer, path, value: item }));
      },
    ).filter(({ value }) => typeof value === "boolean" || typeof value === "number");
    return {
      evaluation_call_id: id,
      trial_count: own.length,
      scorer_stats: [
        ...Map.groupBy(values, ({ scorer, path }) => JSON.stringify([scorer, path])).values(),
      ].map((scored) => {
        const [first] = scored;
        const binary = typeof first?.value === "boolean";
        const sum = scored.reduce((total, { value }) => total + Number(value), 0);
        return {
          scorer_key: first?.scorer,
          path: first?.path,
          value_type: binary ? "binary" : "continuous",
          trial_count: scored.length,
          numeric_mean: binary ? null : sum / scored.length,
          pass_true_count: binary ? sum : 0,
          pass_known_count: binary ? scored.length : 0,
        };
      }),
    };
  });
}
