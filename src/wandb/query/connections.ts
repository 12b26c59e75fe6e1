/** Finds the connections of a caller's query, and which of them can be followed page by page. */
import { badArgument } from "../../core/failure.ts";
import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  Kind,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
} from "graphql";

/** Limit on the tokens of a query, and on the fields that it expands to. */
export const MAX_TOKENS = 20_000;

/** The one connection that is followed. */
export interface Followed {
  readonly path: readonly string[];
  /** The page size in the query itself, if any. */
  readonly first: number | undefined;
  /** The cursor in the query itself, if any. */
  readonly after: string | undefined;
  /** Whether the caller selected `pageInfo`, and so does the paging. */
  readonly wantsPages: boolean;
}

type Fragments = ReadonlyMap<string, FragmentDefinitionNode>;

export function collectFragments(document: DocumentNode): Fragments {
  return new Map(
    document.definitions.flatMap((one) =>
      one.kind === Kind.FRAGMENT_DEFINITION ? [[one.name.value, one]] : []
    ),
  );
}

/** A connection of a query. */
interface Connection {
  /** All fields of the document with this response key; GraphQL merges them. */
  readonly fields: readonly FieldNode[];
  /** Whether it can be followed: `edges` has no alias, and it is read forwards. */
  readonly followable: boolean;
  readonly followed: Followed;
  /** Paths of connections inside its edges: each node has its own, of which one page is read. */
  readonly within: readonly (readonly string[])[];
}

/**
 * Connections that are not inside another one's edges, in document order, and the response paths of
 * fields that look something up by their arguments.
 *
 * @throws {Failure} `invalid_arguments` for a query that expands to too many fields.
 */
export function findConnections(
  operation: OperationDefinitionNode,
  fragments: Fragments,
  variables: Readonly<Record<string, unknown>>,
): { connections: Connection[]; lookUps: (readonly string[])[] } {
  const found = new Map<string, Found>();
  const twins = new Map<string, FieldNode[]>();
  const lookUps = new Map<string, readonly string[]>();
  let visited = 0;
  const visitSet = (
    set: SelectionSetNode | undefined,
    path: readonly string[],
    within?: (readonly string[])[],
  ) => {
    for (const field of collectFields(set, fragments, new Set())) {
      // Fragments within fragments can expand to more fields than any server would answer.
      if (++visited > MAX_TOKENS) throw badArgument("`query` is too large.");
      const here = [...path, field.alias?.value ?? field.name.value];
      const inner = collectFields(field.selectionSet, fragments, new Set());
      if (within === undefined) {
        const place = here.join(".");
        twins.set(place, [...twins.get(place) ?? [], field]);
        const named = (field.arguments ?? []).length > 0 && field.selectionSet !== undefined;
        if (named) lookUps.set(place, here);
      }
      if (!inner.some(({ name }) => name.value === "edges")) {
        visitSet(field.selectionSet, here, within);
        continue;
      }
      if (within !== undefined) {
        within.push(here);
        visitSet(field.selectionSet, here, within);
        continue;
      }
      const known = found.get(here.join("."));
      const nested = known?.within ?? [];
      visitSet(field.selectionSet, here, nested);
      if (known !== undefined) continue;
      const first = readArgument(field, "first", variables);
      const after = readArgument(field, "after", variables);
      found.set(here.join("."), {
        within: nested,
        followable: inner.some(({ name, alias }) => (alias ?? name).value === "edges") &&
          field.arguments?.some(({ name }) => /^(last|before)$/.test(name.value)) !== true,
        path: here,
        first: typeof first === "number" ? first : undefined,
        after: typeof after === "string" ? after : undefined,
      });
    }
  };
  visitSet(operation.selectionSet, []);
  const connections = [...found].map(([place, { within, followable, ...followed }]) => {
    const fields = twins.get(place) ?? [];
    const wantsPages = fields.some(({ selectionSet }) =>
      collectFields(selectionSet, fragments, new Set()).some(isPageInfo)
    );
    return { fields, followable, within, followed: { ...followed, wantsPages } };
  });
  return { connections, lookUps: [...lookUps.values()] };
}

type Found = Omit<Followed, "wantsPages"> & {
  readonly followable: boolean;
  readonly within: (readonly string[])[];
};

function isPageInfo({ name, alias }: FieldNode): boolean {
  return name.value === "pageInfo" && alias === undefined;
}

/** A selection's fields, including those of fragments, each fragment once. */
export function collectFields(
  set: SelectionSetNode | undefined,
  fragments: Fragments,
  seen: Set<string>,
): FieldNode[] {
  return (set?.selections ?? []).flatMap((selection: SelectionNode): FieldNode[] => {
    if (selection.kind === Kind.FIELD) return [selection];
    if (selection.kind === Kind.INLINE_FRAGMENT) {
      return collectFields(selection.selectionSet, fragments, seen);
    }
    const name = selection.name.value;
    if (seen.has(name)) return [];
    seen.add(name);
    return collectFields(fragments.get(name)?.selectionSet, fragments, seen);
  });
}

function readArgument(
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
