/**
 * Decides which calls of a set to count. A call's usage may include that of its descendants, as
 * summed up by Weave's clients and some instrumentations, or be only its own, like a span's. A call
 * is assumed to include the calls below it if it used at least as much of each model as they did.
 */

import { holdsUsage, readTokens, type Tokens, type UsageCall } from "./usage_totals.ts";

/** The calls to count. */
export interface Selection {
  readonly counted: readonly UsageCall[];
  /** Number of counted calls that are unconnected within a trace and may contain each other. */
  readonly overlapping: number;
  /** Number of counted calls that used more than those below, assumed to be part of it. */
  readonly doubtful: number;
}

type Parents = ReadonlyMap<string, string | null>;
type ByModel = ReadonlyMap<string, Tokens>;

/** A call with usage, and the nearest such calls below it. */
interface Node {
  readonly call: UsageCall;
  readonly own: ByModel;
  readonly below: Node[];
  /** Calls of its trace that are somewhere below it: their parents are unknown. */
  readonly loose: Node[];
  /** What it and the calls below it used, counted once. */
  total: ByModel;
  includes: boolean;
}

/**
 * The calls that are not included in another call's usage.
 *
 * @param parents Parents of calls that are not in the set, by id.
 */
export function selectCounted(
  given: readonly UsageCall[],
  parents: Parents = new Map(),
): Selection {
  const calls = new Map(given.map((call) => [call.id, call]));
  const nodes = new Map<string, Node>();
  for (const call of calls.values()) {
    if (!holdsUsage(call)) continue;
    const own = readModels(call);
    nodes.set(call.id, { call, own, below: [], loose: [], total: own, includes: false });
  }
  const tops = link(nodes, calls, parents);
  const counted = sumUp(tops.map(({ node }) => node));
  const groups = [
    ...Map.groupBy(tops, ({ node }) => node.call.trace_id).values(),
    ...counted.map(({ includes, loose }) =>
      includes ? [] : loose.map((node) => ({ node, open: true }))
    ),
  ];
  return {
    counted: counted.map(({ call }) => call),
    overlapping: groups.reduce((sum, group) => sum + countOverlaps(group), 0),
    doubtful: counted.filter(isDoubtful).length,
  };
}

/** Whether a root includes all other calls of its trace seen so far. */
export function isTrunk({ counted, doubtful }: Selection, calls: readonly UsageCall[]): boolean {
  const [only, ...others] = counted;
  return only !== undefined && others.length === 0 && doubtful === 0 &&
    (only.parent_id ?? null) === null && calls.filter(holdsUsage).length > 1;
}

interface Top {
  readonly node: Node;
  /** Whether its chain of parents leads out of the set. */
  readonly open: boolean;
}

/** Puts each node below its nearest known ancestor; returns the nodes that have none. */
function link(
  nodes: ReadonlyMap<string, Node>,
  calls: ReadonlyMap<string, UsageCall>,
  parents: Parents,
): Top[] {
  const roots = new Map<string, Node>();
  for (const node of nodes.values()) {
    const { parent_id: parent = null, trace_id: trace } = node.call;
    if (parent === null && !roots.has(trace)) roots.set(trace, node);
  }
  const tops: Top[] = [];
  for (const node of nodes.values()) {
    const { holder, open } = findHolder(node.call, nodes, calls, parents);
    // The chain is broken, but a root of the same trace is above everything.
    const root = open ? roots.get(node.call.trace_id) : undefined;
    if (holder !== undefined) holder.below.push(node);
    else if (root !== undefined) root.loose.push(node);
    else tops.push({ node, open });
  }
  return tops;
}

function findHolder(
  call: UsageCall,
  nodes: ReadonlyMap<string, Node>,
  calls: ReadonlyMap<string, UsageCall>,
  parents: Parents,
): { holder?: Node; open: boolean } {
  const seen = new Set<string>([call.id]);
  let id = call.parent_id ?? null;
  while (id !== null && !seen.has(id)) {
    seen.add(id);
    const holder = nodes.get(id);
    if (holder !== undefined) return { holder, open: false };
    const ancestor = calls.get(id);
    if (ancestor === undefined && !parents.has(id)) return { open: true };
    id = ancestor === undefined ? parents.get(id) ?? null : ancestor.parent_id ?? null;
  }
  return { open: id !== null };
}

/** Works out bottom-up which call includes which; returns the nodes not included in another. */
function sumUp(tops: readonly Node[]): Node[] {
  const inward = [...tops];
  for (const node of inward) {
    for (const one of [node.below, node.loose].flat()) inward.push(one);
  }
  for (const node of inward.toReversed()) {
    const below = addUp(node.below);
    // Loose calls may contain each other, so each alone must not exceed this node's usage.
    node.includes = node.call.rolled_up === true ||
      [below, ...node.loose.map(({ total }) => total)].every((part) => covers(node.own, part));
    if (!node.includes) node.total = addUp([{ total: node.own }, ...node.below, ...node.loose]);
  }
  const counted = [...tops];
  for (const node of counted) {
    if (node.includes) continue;
    for (const one of [node.below, node.loose].flat()) counted.push(one);
  }
  return counted;
}

function isDoubtful({ call, own, below, includes }: Node): boolean {
  if (!includes || call.rolled_up === true || below.length === 0) return false;
  return [...addUp(below)].some(([model, { total }]) => (own.get(model)?.total ?? 0) > total);
}

function covers(own: ByModel, part: ByModel): boolean {
  return [...part].every(([model, { prompt, completion, total }]) => {
    const used = own.get(model) ?? NONE;
    return used.prompt >= prompt && used.completion >= completion && used.total >= total;
  });
}

const NONE: Tokens = { prompt: 0, completion: 0, total: 0 };

function readModels({ usage = {} }: UsageCall): ByModel {
  return new Map(Object.entries(usage).map(([model, used]) => [model, readTokens(used)]));
}

function addUp(parts: readonly { readonly total: ByModel }[]): ByModel {
  const sums = new Map<string, Tokens>();
  for (const [model, tokens] of parts.flatMap(({ total }) => [...total])) {
    const sum = sums.get(model) ?? NONE;
    sums.set(model, {
      prompt: sum.prompt + tokens.prompt,
      completion: sum.completion + tokens.completion,
      total: sum.total + tokens.total,
    });
  }
  return sums;
}

/** How many calls of one trace may overlap: those whose chain of parents leads out of the set. */
function countOverlaps(group: readonly Top[]): number {
  const open = group.filter((top) => top.open);
  // Siblings of one parent cannot contain each other.
  const sameParent = new Set(open.map(({ node }) => node.call.parent_id)).size === 1;
  const apart = open.length === 0 || (sameParent && open.length === group.length);
  return group.length < 2 || apart ? 0 : group.length;
}
