/**
 * A caller's GraphQL query, checked and prepared for paging. The library is large, so this module
 * is loaded only where a query comes in that form.
 *
 * @module
 */
import { badArgument, nearest } from "../../core/failure.ts";
import {
  type DefinitionNode,
  type DocumentNode,
  type FieldNode,
  GraphQLError,
  Kind,
  type OperationDefinitionNode,
  parse,
  print,
  visit,
} from "graphql";
import {
  collectFields,
  collectFragments,
  findConnections,
  type Followed,
  MAX_TOKENS,
} from "./connections.ts";

/** Names of the variables that paging adds. */
export const FIRST = "wandflowFirst";
/** See {@link FIRST}. */
export const AFTER = "wandflowAfter";

/** A query ready to be sent. */
export interface PreparedQuery {
  /** Its text, with paging where a connection is followed. */
  readonly text: string;
  /** Variables that the caller gave or that have a value here. */
  readonly variables: Readonly<Record<string, unknown>>;
  /** The connection that is followed; undefined when there is none. */
  readonly follow: Followed | undefined;
  /** Response paths of further connections, which are not followed. */
  readonly others: readonly string[];
  /** Response paths of what the query looks up by arguments, such as a project by its name. */
  readonly lookUps: readonly (readonly string[])[];
}

/** Fields that would hand out credentials. */
const SECRET_FIELDS = ["apiKeys", "apiKey"];

/**
 * Checks a query and adds paging to its first connection.
 *
 * @param given The caller's variables.
 * @param defaults Values for variables that the caller left out, by lower-case name.
 * @throws {Failure} `invalid_arguments`: no query, a mutation, a missing or unknown variable.
 */
export function prepareQuery(
  text: string,
  given: Readonly<Record<string, unknown>>,
  defaults: Readonly<Record<string, string | undefined>>,
): PreparedQuery {
  const document = parseQuery(text);
  const operation = onlyQuery(document);
  refuseSecrets(document);
  const variables = checkVariables(operation, given, defaults);
  const values = { ...defaultValues(operation), ...variables };
  const { connections, lookUps } = findConnections(operation, collectFragments(document), values);
  const first = connections.find(({ followable }) => followable);
  const others = connections.flatMap((one) =>
    one === first ? one.within : [one.followed.path, ...one.within]
  ).map((path) => path.join("."));
  return first === undefined
    ? { text: print(document), variables, follow: undefined, others, lookUps }
    : {
      text: print(withPaging(document, operation, first.fields)),
      variables,
      follow: first.followed,
      others,
      lookUps,
    };
}

/** Selections within selections that a query may have; W&B's own stay below 20. */
const MAX_DEPTH = 100;

function parseQuery(text: string): DocumentNode {
  if (measureDepth(text) > MAX_DEPTH) {
    throw badArgument(
      `\`query\` is nested more than ${MAX_DEPTH} deep.`,
      "Ask for less at a time, or use the structured form: resource, filters, order, fields.",
    );
  }
  try {
    return parse(text, { maxTokens: MAX_TOKENS });
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error;
    const [at] = error.locations ?? [];
    throw badArgument(
      `\`query\` is not valid GraphQL${at === undefined ? "" : ` (line ${at.line})`}: ` +
        error.message.replace(/^Syntax Error: /, ""),
      "Or use the structured form: resource, filters, order, fields.",
    );
  }
}

/** How deep brackets are nested, those in texts and comments left out. */
function measureDepth(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (const [token] of text.matchAll(/"""[^]*?"""|"(?:\\.|[^"\\\n])*"|#[^\n]*|[{}()[\]]/g)) {
    if ("{([".includes(token)) deepest = Math.max(deepest, ++depth);
    else if ("})]".includes(token)) depth--;
  }
  return deepest;
}

function onlyQuery(document: DocumentNode): OperationDefinitionNode {
  const operations = document.definitions.filter((one: DefinitionNode) =>
    one.kind === Kind.OPERATION_DEFINITION
  );
  for (const { operation } of operations) {
    if (operation !== "query") {
      throw badArgument(
        `\`query\` holds a ${operation}; this tool only reads. Nothing was sent.`,
      );
    }
  }
  const [only, second] = operations;
  if (only === undefined) throw badArgument("`query` holds no query operation.");
  if (second !== undefined) {
    throw badArgument("`query` holds several operations; send one at a time.");
  }
  return only;
}

function refuseSecrets(document: DocumentNode): void {
  visit(document, {
    Field: (field) => {
      if (SECRET_FIELDS.includes(field.name.value)) {
        throw badArgument(
          `\`query\` asks for ${field.name.value}: credentials are not handed out.`,
        );
      }
    },
  });
}

function checkVariables(
  operation: OperationDefinitionNode,
  given: Readonly<Record<string, unknown>>,
  defaults: Readonly<Record<string, string | undefined>>,
): Record<string, unknown> {
  const declared = (operation.variableDefinitions ?? []).map((one) => ({
    name: one.variable.name.value,
    json: print(one.type).replace("!", "") === "JSONString",
    required: one.type.kind === Kind.NON_NULL_TYPE && one.defaultValue === undefined,
  }));
  const names = declared.map(({ name }) => name);
  const values: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(given)) {
    const variable = declared.find((one) => one.name === name);
    if (variable !== undefined) {
      // A JSONString is JSON in a text; the JSON itself is what one would write.
      const wrap = variable.json && typeof value === "object" && value !== null;
      values[name] = wrap ? JSON.stringify(value) : value;
    } else if (!/^(limit|first|count)$/i.test(name)) {
      const near = nearest(name, names);
      throw badArgument(
        `\`variables\`: the query declares no $${name}` +
          (near.length > 0 ? `; did you mean $${near.join(" or $")}?` : "."),
        names.length > 0 ? `It declares $${names.join(", $")}.` : "It declares none.",
      );
    }
  }
  for (const { name, required } of declared) {
    if (Object.hasOwn(values, name)) continue;
    const fallback = defaults[name.toLowerCase().replaceAll("_", "")];
    if (fallback !== undefined) values[name] = fallback;
    else if (required) {
      throw badArgument(`\`variables\` lacks $${name}, which the query needs.`);
    }
  }
  return values;
}

/** What the operation's variables are where a call does not give them. */
function defaultValues(operation: OperationDefinitionNode): Record<string, unknown> {
  return Object.fromEntries(
    (operation.variableDefinitions ?? []).flatMap(
      ({ variable, defaultValue: value }): [string, unknown][] => {
        if (value?.kind === Kind.INT) return [[variable.name.value, Number(value.value)]];
        return value?.kind === Kind.STRING ? [[variable.name.value, value.value]] : [];
      },
    ),
  );
}

/** The source of the nodes that paging adds, parsed once written. */
const PAGING = `query($${FIRST}: Int, $${AFTER}: String) {
  list(first: $${FIRST}, after: $${AFTER}) { pageInfo { hasNextPage endCursor } }
}`;

/** Gives the connection our paging variables and `pageInfo`, and drops variables left unused. */
function withPaging(
  document: DocumentNode,
  operation: OperationDefinitionNode,
  connections: readonly FieldNode[],
): DocumentNode {
  const paging = onlyQuery(parse(PAGING));
  const [list] = collectFields(paging.selectionSet, new Map(), new Set());
  const changed = (connection: FieldNode): FieldNode => ({
    ...connection,
    arguments: [
      ...(connection.arguments ?? []).filter(({ name }) =>
        name.value !== "first" && name.value !== "after"
      ),
      ...list?.arguments ?? [],
    ],
    selectionSet: {
      kind: Kind.SELECTION_SET,
      selections: [
        ...connection.selectionSet?.selections ?? [],
        ...list?.selectionSet?.selections ?? [],
      ],
    },
  });
  const replaced = visit(document, {
    Field: (field) => connections.includes(field) ? changed(field) : undefined,
  });
  const used = new Set<string>();
  visit(replaced, {
    VariableDefinition: () => false,
    Variable: (variable) => void used.add(variable.name.value),
  });
  const definitions = [
    ...(operation.variableDefinitions ?? []).filter((one) => used.has(one.variable.name.value)),
    ...paging.variableDefinitions ?? [],
  ];
  return visit(replaced, {
    OperationDefinition: (one) => ({ ...one, variableDefinitions: definitions }),
  });
}
