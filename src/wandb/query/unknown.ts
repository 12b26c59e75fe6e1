import { Failure } from "../../core/failure.ts";
import * as z from "zod";
import { nearest, oneOf } from "../../core/nearest.ts";
import type { WandbSession } from "../client.ts";
import { GraphqlFailure } from "../failure.ts";
import { unknownFields } from "../graphql.ts";

/** A type's fields, where the server tells. */
export const TYPE_FIELDS = `query TypeFields($t: String!) {
  __type(name: $t) { fields { name } }
}`;

const SHAPE = z.looseObject({
  __type: z.looseObject({ fields: z.array(z.looseObject({ name: z.string() })).nullish() })
    .nullish(),
});

/** The commonest fields, for servers that do not tell. */
const FIELDS: Readonly<Record<string, string>> = {
  Query: "viewer entity organization project models artifact view",
  Project: "id internalId name entityName description access createdAt updatedAt runCount run " +
    "runs sweep sweeps totalSweeps allViews artifact artifactType artifactTypes " +
    "artifactCollection artifactCollections",
  Run: "id name displayName description notes state group jobType tags commit host createdAt " +
    "updatedAt heartbeatAt computeSeconds user sweep sweepName runInfo config " +
    "summaryMetrics systemMetrics historyKeys historyLineCount history events " +
    "sampledHistory logLines fileCount files inputArtifacts outputArtifacts",
  RunConnection: "edges pageInfo totalCount",
  Sweep: "id name displayName description state method config bestLoss createdAt runCount " +
    "runCountExpected runs agents",
  Artifact: "id artifactType artifactSequence aliases versionIndex description metadata tags " +
    "digest state size fileCount createdAt createdBy usedBy files",
  User: "id name username email entity teams organizations projects",
};

/** A failed query told better: an unknown field comes with the nearest valid ones. */
export async function explain(error: unknown, session: WandbSession): Promise<unknown> {
  if (!(error instanceof GraphqlFailure)) return error;
  const [unknown] = unknownFields(error.messages);
  if (unknown === undefined) return error;
  // Of an argument the server itself names the nearest.
  if (error.messages.some((message) => message.startsWith("Unknown argument"))) return error;
  const known = await fieldsOf(unknown.type, session);
  const near = nearest(unknown.field, known, 5);
  return new Failure("invalid_arguments", error.message, {
    hint: near.length > 0
      ? `${unknown.type} has no "${unknown.field}"; did you mean ${oneOf(near)}?`
      : known.length > 0
      ? `Fields of ${unknown.type}: ${known.slice(0, 40).join(", ")}.`
      : "Use the structured form: resource, filters, order, fields.",
    cause: error,
  });
}

async function fieldsOf(type: string, session: WandbSession): Promise<readonly string[]> {
  try {
    const { data } = await session.ask(TYPE_FIELDS, { t: type }, SHAPE);
    const names = data.__type?.fields?.map(({ name }) => name) ?? [];
    if (names.length > 0) return names;
  } catch (error) {
    // Servers may forbid introspection.
    if (!(error instanceof Failure)) throw error;
  }
  return FIELDS[type]?.split(" ") ?? [];
}
