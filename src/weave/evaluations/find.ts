import { type Call, opOf } from "../call.ts";
import type { WeaveSession } from "../client.ts";
import { isRecord } from "../filters/condition.ts";
import type { Place } from "../place.ts";
import { type Expression, field, literal } from "../query.ts";
import { LIGHT_COLUMNS } from "../rows/columns.ts";

/** Evaluations that are looked through for a name that none has exactly. */
const LOOKED_THROUGH = 500;
const OP = "Evaluation.evaluate";

/** A call of `Evaluation.evaluate`, as far as it can be told before its results. */
export interface EvaluationCall {
  /** The call, with inputs and output. */
  readonly call: Call;
  /** Name shown to people: the call's own, else the evaluation's. */
  readonly name: string;
  /** Name of the evaluation object. */
  readonly evaluation: string | undefined;
  /** Name of the model. */
  readonly model: string | undefined;
}

/** What is looked for. */
export interface Wanted {
  /** Ids of Evaluation.evaluate calls. */
  readonly ids: readonly string[];
  /** An id, or a name of a call, an evaluation or a model. */
  readonly name: string | undefined;
  /** Most evaluations. */
  readonly limit: number;
}

/**
 * Evaluations by id or name, newest first: those whose id, display name or evaluation name is the
 * given one, else those in whose names it occurs.
 */
export async function findEvaluations(
  session: WeaveSession,
  place: Place,
  { ids, name, limit }: Wanted,
): Promise<EvaluationCall[]> {
  const base = { op_names: [`weave:///${place.id}/op/${OP}:*`, OP] };
  if (ids.length > 0) {
    const found = await read(session, place, { call_ids: ids }, undefined, ids.length);
    const order = new Map(ids.map((id, index) => [id, index]));
    return found.sort((a, b) => (order.get(a.call.id) ?? 0) - (order.get(b.call.id) ?? 0));
  }
  if (name === undefined) return await read(session, place, base, undefined, limit);
  const exact = await read(session, place, base, exactly(name), limit);
  if (exact.length > 0) return exact;
  const wanted = name.toLowerCase();
  const all = await read(session, place, base, undefined, LOOKED_THROUGH);
  return all.filter((one) =>
    [one.call.display_name, one.evaluation, one.model].some((text) =>
      text?.toLowerCase().includes(wanted) === true
    )
  ).slice(0, limit);
}

/** The names of the newest evaluations, to choose from. */
export async function evaluationNames(session: WeaveSession, place: Place): Promise<string[]> {
  const base = { op_names: [`weave:///${place.id}/op/${OP}:*`, OP] };
  const found = await read(session, place, base, undefined, 100);
  return [...new Set(found.flatMap((one) => [one.name, one.evaluation ?? one.name]))].slice(0, 30);
}

function exactly(name: string): Expression {
  const own = literal(`/object/${name}:`);
  return {
    $or: [
      { $eq: [field("id"), literal(name)] },
      { $eq: [field("display_name"), literal(name)] },
      { $contains: { input: field("inputs.self"), substr: own } },
      { $contains: { input: field("inputs.this"), substr: own } },
    ],
  };
}

async function read(
  session: WeaveSession,
  place: Place,
  filter: Record<string, readonly string[]>,
  expression: Expression | undefined,
  limit: number,
): Promise<EvaluationCall[]> {
  const query = {
    filter,
    ...(expression === undefined ? {} : { query: { $expr: expression } }),
    sort_by: [{ field: "started_at", direction: "desc" as const }],
    columns: [...LIGHT_COLUMNS, "inputs", "output"],
    include_costs: true,
    limit,
  };
  const found: EvaluationCall[] = [];
  for await (const call of session.calls(place, query)) {
    const evaluation = objectName(call.inputs?.["self"] ?? call.inputs?.["this"]);
    found.push({
      call,
      evaluation,
      name: call.display_name ?? evaluation ?? opOf(call),
      model: objectName(call.inputs?.["model"]),
    });
  }
  return found;
}

/** The name in a reference to an object or op, or of an object given as it is. */
export function objectName(value: unknown): string | undefined {
  if (typeof value === "string") {
    return /^weave:\/\/\/[^/]+\/[^/]+\/(?:object|op)\/([^:]+):/.exec(value)?.[1];
  }
  return isRecord(value) && typeof value["name"] === "string" ? value["name"] : undefined;
}
