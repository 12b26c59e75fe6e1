/** Executes GraphQL requests over the simulator's state. */
import {
  type DocumentNode,
  execute,
  GraphQLError,
  type GraphQLSchema,
  Kind,
  NoSchemaIntrospectionCustomRule,
  parse,
  specifiedRules,
  validate,
} from "graphql";
import { z } from "zod";
import { accountMutations, accountQueries } from "./accounts.ts";
import { artifactMutations } from "./artifact-mutations.ts";
import { artifactQueries } from "./artifacts.ts";
import { collectionMutations } from "./collection-mutations.ts";
import type { Sim } from "./context.ts";
import { SimError } from "./errors.ts";
import { fileMutations } from "./files.ts";
import { linkMutations } from "./links.ts";
import type { User } from "./model.ts";
import { projectMutations, projectQueries } from "./projects.ts";
import { runMutations } from "./run-mutations.ts";
import { sweepMutations } from "./sweeps.ts";
import { viewMutations, viewQueries } from "./views.ts";

/** A request's body. */
export const GraphqlBody = z.looseObject({
  query: z.string(),
  variables: z.record(z.string(), z.unknown()).nullish(),
  operationName: z.string().nullish(),
});
/** Its type. */
export type GraphqlBody = z.infer<typeof GraphqlBody>;

/** What a request is answered with. */
export interface Answer {
  readonly status: number;
  readonly body: { data?: Record<string, unknown> | null; errors?: unknown[] };
}

/** Name of the operation of a document, for the log. */
export function operationName(body: GraphqlBody): string | undefined {
  return body.operationName || /\b(?:query|mutation|subscription)\s+(\w+)/.exec(body.query)?.[1];
}

/** What a text is: a document, or what is wrong with it. */
type Documents = Map<string, DocumentNode | readonly GraphQLError[]>;

/** Texts that were parsed and validated, by schema: clients send few of them, again and again. */
const DOCUMENTS = new WeakMap<GraphQLSchema, Documents>();

/** Executes requests against one schema. */
export class Executor {
  readonly #documents: Documents;
  /** Errors that are the simulator's own fault, for tests to find. */
  readonly defects: string[] = [];

  /** Executes over this state. */
  constructor(readonly sim: Sim, readonly schema: GraphQLSchema) {
    this.#documents = DOCUMENTS.get(schema) ?? new Map();
    DOCUMENTS.set(schema, this.#documents);
  }

  /** Answers one request. */
  async answer(caller: User, body: GraphqlBody): Promise<Answer> {
    const document = this.#document(body.query);
    if (!("definitions" in document)) {
      return { status: 400, body: { errors: document.map((error) => error.toJSON()) } };
    }
    const mutation = document.definitions.some((definition) =>
      definition.kind === Kind.OPERATION_DEFINITION && definition.operation === "mutation"
    );
    const result = await execute({
      schema: this.schema,
      document,
      rootValue: mutation ? mutations(this.sim, caller) : queries(this.sim, caller),
      variableValues: body.variables ?? {},
      // Clients send an empty name for none.
      operationName: body.operationName || null,
    });
    const errors = result.errors ?? [];
    for (const error of errors) this.#note(error);
    const data = result.data === undefined || result.data === null ? null : { ...result.data };
    const nothing = data === null || Object.values(data).every((value) => value === null);
    // Without data nothing ran: the variables did not fit.
    const unfit = result.data === undefined && errors.length > 0;
    return {
      status: unfit ? 400 : errors.length > 0 && mutation && nothing ? statusOf(errors) : 200,
      body: errors.length > 0 ? { data, errors: errors.map((error) => error.toJSON()) } : { data },
    };
  }

  #document(text: string): DocumentNode | readonly GraphQLError[] {
    const key = `${this.sim.behaviour.introspection} ${text}`;
    const known = this.#documents.get(key);
    if (known) return known;
    const made = this.#parse(text);
    this.#documents.set(key, made);
    return made;
  }

  #parse(text: string): DocumentNode | readonly GraphQLError[] {
    try {
      const document = parse(text);
      const rules = this.sim.behaviour.introspection
        ? specifiedRules
        : [...specifiedRules, NoSchemaIntrospectionCustomRule];
      const errors = validate(this.schema, document, rules);
      return errors.length > 0 ? errors : document;
    } catch (error) {
      if (error instanceof GraphQLError) return [error];
      throw error;
    }
  }

  #note(error: GraphQLError): void {
    const cause = error.originalError;
    if (cause instanceof SimError || cause instanceof GraphQLError || !cause) return;
    this.defects.push(`${error.path?.join(".")}: ${error.message}\n${cause.stack ?? ""}`);
  }
}

function statusOf(errors: readonly GraphQLError[]): number {
  const causes = errors.map((error) => error.originalError);
  const known = causes.find((cause) => cause instanceof SimError);
  return known?.status ?? (causes.some((cause) => cause) ? 500 : 200);
}

function queries(sim: Sim, caller: User): Record<string, unknown> {
  return {
    ...accountQueries(sim, caller),
    ...projectQueries(sim, caller),
    ...artifactQueries(sim, caller),
    ...viewQueries(sim, caller),
  };
}

function mutations(sim: Sim, caller: User): Record<string, unknown> {
  return {
    ...accountMutations(sim, caller),
    ...projectMutations(sim, caller),
    ...runMutations(sim, caller),
    ...fileMutations(sim, caller),
    ...sweepMutations(sim, caller),
    ...viewMutations(sim, caller),
    ...artifactMutations(sim, caller),
    ...linkMutations(sim, caller),
    ...collectionMutations(sim, caller),
  };
}
