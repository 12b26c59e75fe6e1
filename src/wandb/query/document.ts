/**
 * A caller's GraphQL query, checked and prepared for paging. The library is large, so this module
 * is loaded only where a query comes in that form.
 *
 * @module
 */
import {
  type DefinitionNode,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  GraphQLError,
  Kind,
  type OperationDefinitionNode,
  parse,
  print,
  type SelectionNode,
  type SelectionSetNode,
  visit,
} from "graphql";
import { invalidArgument } from "../../mcp/errors.ts";
import { nearest } from "../../text/nearest.ts";

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
}

/** The one connection that is followed. */
export interface Followed {
  /** Its response keys from the root. */
  readonly path: readonly string[];
  /** Page size that the query itself gives, if it does. */
  readonly first: number | undefined;
  /** Cursor that the query itself begins after, if it does. */
  readonly after: string | undefined;
  /** Whether the caller asked for `pageInfo`, and so for paging. */
  readonly wantsPages: boolean;
}

/** Fields that would hand out credentials. */
const SECRET_FIELDS = ["apiKeys", "apiKey"];
/** Most tokens of a query that are parsed. */
const MAX_TOKENS = 20_000;

/**
 * Checks a query and adds paging to its first connection.
 *
 * @param given The caller's variables.
 * @param defaults Values for variables that the caller left out, by lower-case name.
 * @throws {ToolError} `invalid_arguments`: no query, a mutation, a missing or unknown variable.
 */
export function prepareQuery(
  text: string,
  given: Readonly<Record<string, unknown>>,
  defaults: Readonly<Record<string, string | undefined>>,
): PreparedQuery {
  const document = parsed(text);
  const operation = onlyQuery(document);
  refuseSecrets(document);
  const variables = checkVariables(operation, given, defaults);
  const connections = findConnections(operation, fragmentsOf(document), variables);
  const [first, ...rest] = connections;
  if (first === undefined) {
    return { text: print(document), variables, follow: undefined, others: [] };
  }
  return {
    text: print(withPaging(document, operation, first.field)),
    variables,
    follow: first.followed,
    others: rest.map(({ followed }) => followed.path.join(".")),
  };
}

function parsed(text: string): DocumentNode {
  try {
    return parse(text, { maxTokens: MAX_TOKENS });
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error;
    const [at] = error.locations ?? [];
    throw invalidArgument(
      `\`query\` is not valid GraphQL${at === undefined ? "" : ` (line ${at.line})`}: ` +
        error.message.replace(/^Syntax Error: /, ""),
      "Or use the structured form: resource, filters, order, fields.",
    );
  }
}

function onlyQuery(document: DocumentNode): OperationDefinitionNode {
  const operations = document.definitions.filter((one: DefinitionNode) =>
    one.kind === Kind.OPERATION_DEFINITION
  );
  for (const { operation } of operations) {
    if (operation !== "query") {
      throw invalidArgument(
        `\`query\` holds a ${operation}; this tool only reads. Nothing was sent.`,
      );
    }
  }
  const [only, second] = operations;
  if (only === undefined) throw invalidArgument("`query` holds no query operation.");
  if (second !== undefined) {
    throw invalidArgument("`query` holds several operations; send one at a time.");
  }
  return only;
}

function refuseSecrets(document: DocumentNode): void {
  visit(document, {
    Field: (field) => {
      if (SECRET_FIELDS.includes(field.name.value)) {
        throw invalidArgument(
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
    required: one.type.kind === Kind.NON_NULL_TYPE && one.defaultValue === undefined,
  }));
  const names = declared.map(({ name }) => name);
  const values: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(given)) {
    if (names.includes(name)) values[name] = value;
    else if (!/^(limit|first|count)$/i.test(name)) {
      const near = nearest(name, names);
      throw invalidArgument(
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
      throw invalidArgument(`\`variables\` lacks $${name}, which the query needs.`);
    }
  }
  return values;
}

type Fragments = ReadonlyMap<string, FragmentDefinitionNode>;

function fragmentsOf(document: DocumentNode): Fragments {
  return new Map(
    document.definitions.flatMap((one) =>
      one.kind === Kind.FRAGMENT_DEFINITION ? [[one.name.value, one]] : []
    ),
  );
}

interface Connection {
  readonly field: FieldNode;
  readonly followed: Followed;
}

/** Connections that are not inside another one's edges, in the order of the text. */
function findConnections(
  operation: OperationDefinitionNode,
  fragments: Fragments,
  variables: Readonly<Record<string, unknown>>,
): Connection[] {
  const found: Connection[] = [];
  let visited = 0;
  const visitSet = (set: SelectionSetNode | undefined, path: readonly string[]) => {
    for (const field of fieldsOf(set, fragments, new Set())) {
      // Fragments within fragments can stand for more fields than any server would answer.
      if (++visited > MAX_TOKENS) throw invalidArgument("`query` is too large.");
      const here = [...path, field.alias?.value ?? field.name.value];
      const inner = fieldsOf(field.selectionSet, fragments, new Set());
      const names = inner.flatMap(({ name, alias }) => alias === undefined ? [name.value] : []);
      if (!names.includes("edges")) {
        visitSet(field.selectionSet, here);
        continue;
      }
      const backward = field.arguments?.some(({ name }) => /^(last|before)$/.test(name.value));
      if (backward === true) continue;
      const first = valueOf(field, "first", variables);
      const after = valueOf(field, "after", variables);
      found.push({
        field,
        followed: {
          path: here,
          first: typeof first === "number" ? first : undefined,
          after: typeof after === "string" ? after : undefined,
          wantsPages: names.includes("pageInfo"),
        },
      });
    }
  };
  visitSet(operation.selectionSet, []);
  return found;
}

/** A selection's fields, those of fragments included, each fragment once. */
function fieldsOf(
  set: SelectionSetNode | undefined,
  fragments: Fragments,
  seen: Set<string>,
): FieldNode[] {
  return (set?.selections ?? []).flatMap((selection: SelectionNode): FieldNode[] => {
    if (selection.kind === Kind.FIELD) return [selection];
    if (selection.kind === Kind.INLINE_FRAGMENT) {
      return fieldsOf(selection.selectionSet, fragments, seen);
    }
    const name = selection.name.value;
    if (seen.has(name)) return [];
    seen.add(name);
    return fieldsOf(fragments.get(name)?.selectionSet, fragments, seen);
  });
}

function valueOf(
  field: FieldNode,
  name: string,
  variables: Readonly<Record<string, unknown>>,
): unknown {
  const value = field.arguments?.find((one) => one.name.value === name)?.value;
  switch (value?.kind) {
    case Kind.INT:
      return Number(value.value);
    case Kind.STRING:
      return value.value;
    case Kind.VARIABLE:
      return variables[value.name.value];
    default:
      return undefined;
  }
}

/** Where the nodes that paging adds come from: written as GraphQL, taken apart. */
const PAGING = `query($${FIRST}: Int, $${AFTER}: String) {
  list(first: $${FIRST}, after: $${AFTER}) { pageInfo { hasNextPage endCursor } }
}`;

/** Gives the connection our paging variables and `pageInfo`, and drops variables left unused. */
function withPaging(
  document: DocumentNode,
  operation: OperationDefinitionNode,
  connection: FieldNode,
): DocumentNode {
  const paging = onlyQuery(parse(PAGING));
  const [list] = fieldsOf(paging.selectionSet, new Map(), new Set());
  const kept = (connection.arguments ?? []).filter(({ name }) =>
    name.value !== "first" && name.value !== "after"
  );
  const changed: FieldNode = {
    ...connection,
    arguments: [...kept, ...list?.arguments ?? []],
    selectionSet: {
      kind: Kind.SELECTION_SET,
      selections: [
        ...connection.selectionSet?.selections ?? [],
        ...list?.selectionSet?.selections ?? [],
      ],
    },
  };
  const replaced = visit(document, {
    Field: (field) => field === connection ? changed : undefined,
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
