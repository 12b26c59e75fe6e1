/**
 * Checks a caller's GraphQL query and prepares it for paging. The GraphQL library is large, so this
 * module is loaded only for queries in that form.
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

/** The variable for the page size; paging adds it to the query. */
export const FIRST = "wandflowFirst";
/** The variable for the cursor. */
export const AFTER = "wandflowAfter";

export interface PreparedQuery {
  /** The text to send, with paging if a connection is followed. */
  readonly text: string;
  /** The caller's variables, and those that have a default. */
  readonly variables: Readonly<Record<string, unknown>>;
  /** The connection to follow; undefined if there is none. */
  readonly follow: Followed | undefined;
  /** Response paths of the other connections, which are not followed. */
  readonly others: readonly string[];
  /** Response paths of fields that look something up, such as a project by its name. */
  readonly lookUps: readonly (readonly string[])[];
}

/** Fields that would reveal credentials. */
const SECRET_FIELDS = ["apiKeys", "apiKey"];

/**
 * Checks a query and adds paging to its first connection.
 *
 * @param given The caller's variables.
 * @param defaults Values for variables that the caller left out, by lower-case name.
 * @throws {Failure} `invalid_arguments` for anything but a query, and for missing or unknown
 * variables.
 */
export function prepareQuery(
  text: string,
  given: Readonly<Record<string, unknown>>,
  defaults: Readonly<Record<string, string | undefined>>,
): PreparedQuery {
  const document = parseQuery(text);
  const operation = findQuery(document);
  refuseSecrets(document);
  const variables = checkVariables(operation, given, defaults);
  const values = { ...readDefaults(operation), ...variables };
  const { connections, lookUps } = findConnections(operation, collectFragments(document), values);
  const first = connections.find(({ followable }) => followable);
  const others = connections.flatMap((one) =>
    one === first ? one.within : [one.followed.path, ...one.within]
  ).map((path) => path.join("."));
  return first === undefined
    ? { text: print(document), variables, follow: undefined, others, lookUps }
    : {
      text: print(addPaging(document, operation, first.fields)),
      variables,
      follow: first.followed,
      others,
      lookUps,
    };
}

/** How deep a query's selections may be nested; W&B's own queries stay below 20. */
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

/** How deep brackets are nested, outside strings and comments. */
function measureDepth(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (const [token] of text.matchAll(/"""[^]*?"""|"(?:\\.|[^"\\\n])*"|#[^\n]*|[{}()[\]]/g)) {
    if ("{([".includes(token)) deepest = Math.max(deepest, ++depth);
    else if ("})]".includes(token)) depth--;
  }
  return deepest;
}

function findQuery(document: DocumentNode): OperationDefinitionNode {
  const operations = document.definitions.filter((one: DefinitionNode) =>
    one.kind === Kind.OPERATION_DEFINITION
  );
  for (const { operation } of operations) {
    if (operation !== "query") {
      throw badArgument(
        `\`query\` contains a ${operation}; this tool only reads. Nothing was sent.`,
      );
    }
  }
  const [only, second] = operations;
  if (only === undefined) throw badArgument("`query` contains no query operation.");
  if (second !== undefined) {
    throw badArgument("`query` contains several operations; send one at a time.");
  }
  return only;
}

function refuseSecrets(document: DocumentNode): void {
  visit(document, {
    Field: (field) => {
      if (SECRET_FIELDS.includes(field.name.value)) {
        throw badArgument(
          `\`query\` asks for ${field.name.value}: credentials are never returned.`,
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
      // A JSONString is JSON in a string; callers naturally write the JSON itself.
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
      throw badArgument(`\`variables\` does not set $${name}, which the query needs.`);
    }
  }
  return values;
}

/** The operation's own default values. */
function readDefaults(operation: OperationDefinitionNode): Record<string, unknown> {
  return Object.fromEntries(
    (operation.variableDefinitions ?? []).flatMap(
      ({ variable, defaultValue: value }): [string, unknown][] => {
        if (value?.kind === Kind.INT) return [[variable.name.value, Number(value.value)]];
        return value?.kind === Kind.STRING ? [[variable.name.value, value.value]] : [];
      },
    ),
  );
}

/** The nodes that paging adds, as source text. */
const PAGING = `query($${FIRST}: Int, $${AFTER}: String) {
  list(first: $${FIRST}, after: $${AFTER}) { pageInfo { hasNextPage endCursor } }
}`;

/** Gives the connection our paging variables and `pageInfo`, and drops variables left unused. */
function addPaging(
  document: DocumentNode,
  operation: OperationDefinitionNode,
  connections: readonly FieldNode[],
): DocumentNode {
  const paging = findQuery(parse(PAGING));
  const [list] = collectFields(paging.selectionSet, new Map(), new Set());
  const addToConnection = (connection: FieldNode): FieldNode => ({
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
    Field: (field) => connections.includes(field) ? addToConnection(field) : undefined,
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
