/** Explains why a result has fewer calls than expected. */
import * as z from "zod";
import { Failure } from "../../core/failure.ts";
import { isRecord, tryParseJson } from "../../core/json.ts";
import { cutText } from "../../core/values.ts";
import { path } from "../../http/request.ts";
import type { ProjectRef } from "../project.ts";
import type { Weave, WeaveSession } from "./client.ts";
import { findNamedOps } from "./filters/build.ts";
import { fitsPattern, isSpanName, type OpSelector, toStoredName } from "./filters/ops.ts";
import { buildSelection, resolvePatterns } from "./selection.ts";

/** What the explanations need for their own requests. */
interface Asking {
  readonly weave: Weave;
  readonly session: WeaveSession;
  readonly place: ProjectRef;
}

type Filters = Readonly<Record<string, unknown>>;

const PLAIN = "There are no calls in this project; check the entity and project names.";

/** Explains why no call matches, with or without filters. */
export async function explainEmpty(asking: Asking, filters: Filters): Promise<string> {
  if (Object.keys(filters).length === 0) {
    const agents = await findAgents(asking);
    return agents === undefined ? PLAIN : `There are no calls in this project, but ${agents}`;
  }
  const [agents, rewritten, kinds] = await Promise.all([
    findAgents(asking),
    explainRewritten(asking, filters, 0),
    explainKinds(asking, filters),
  ]);
  const said = JSON.stringify(filters);
  const whole = findNamedOps(filters, asking.place).ops.some(({ kind }) => kind === "name");
  return [
    "No call matches all of the filters. Count with fewer of them, or see which ops, paths " +
    "and values there are with infer_trace_schema_tool.",
    ...(whole ? ["An op_name is a whole name; *text* matches a part of one."] : []),
    ...(rewritten === undefined ? [] : [rewritten]),
    ...(kinds === undefined ? [] : [kinds]),
    ...(/"[^"]*\.[^"]*":/.test(said)
      ? ["A dot within a name, as in gpt-4.1, is written \\. in a path."]
      : []),
    ...(agents === undefined
      ? []
      : [`What you look for may be elsewhere: the project also has ${agents}`]),
  ].join(" ");
}

/** Statuses from services that do not support agents. */
const OLDER = [404, 405, 422];
const ROUTE = "agents";
const AGENTS = z.looseObject({
  agents: z.array(z.looseObject({ agent_name: z.string(), span_count: z.number().catch(0) })),
  total_count: z.number().catch(0),
});

/**
 * Describes a project's agents that were traced with the conversation API of newer clients. It
 * writes no calls: newer services store its spans separately. Undefined if there are no agents or
 * they cannot be read.
 */
export async function findAgents({ weave, session, place }: Asking): Promise<string | undefined> {
  if (weave.lacks.has(ROUTE)) return undefined;
  try {
    const body = { project_id: place.id, limit: 10 };
    const { agents, total_count: total } = await session.post(path`/agents/query`, body, AGENTS);
    if (agents.length === 0) return undefined;
    const names = agents.map((one) => `"${one.agent_name}" (spans: ${one.span_count})`).join(", ");
    return "agents that were traced by Weave's conversation API " +
      `(${
        Math.max(total, agents.length)
      } in all): ${names}. Weave keeps their spans apart from calls, and these tools do not read them; ` +
      "see the project's Agents page.";
  } catch (error) {
    if (!(error instanceof Failure) || session.signal.aborted) throw error;
    if (OLDER.includes(error.status ?? 0)) weave.lacks.add(ROUTE);
    return undefined;
  }
}

/**
 * Explains which calls a filter on op names misses, or which calls an excluding filter fails to
 * exclude: the hosted service rewrites the names of OpenTelemetry spans.
 *
 * @param found How many calls match; if a single plain name matches some, it needs no explanation.
 */
export async function explainRewritten(
  asking: Asking,
  filters: Filters,
  found: number,
): Promise<string | undefined> {
  const { ops, traceNames } = findNamedOps(filters, asking.place);
  if (found > 0 && ops.length + traceNames.length === 1 && isPlain(filters)) return undefined;
  const asked = [
    ...ops.flatMap((one) => nameSent(one)).filter((text) => !isSpanName(text)),
    ...traceNames,
  ];
  const pairs = [...new Set(asked)].map((text) => [text, toStoredName(text)] as const)
    .filter(([text, stored]) => stored !== text && stored !== "");
  try {
    const lines = await Promise.all(pairs.map(async ([text, stored]) => {
      const names = await findStored(asking, text, stored);
      return names.length === 0 ? [] : [`"${text}": ${names.map((one) => `"${one}"`).join(", ")}`];
    }));
    if (lines.flat().length === 0) return undefined;
    return "Weave keeps OpenTelemetry spans under lower-case names without spaces, and these " +
      `differ from what was asked for (${lines.flat().join("; ")}): use those.`;
  } catch (error) {
    if (!(error instanceof Failure) || asking.session.signal.aborted) throw error;
    return undefined;
  }
}

/** Whether the top-level filter on op names is a single name without wildcards. */
function isPlain({ op, op_name, op_names }: Filters): boolean {
  const text = op ?? op_name ?? op_names;
  return typeof text === "string" && !text.includes("*");
}

function nameSent(selector: OpSelector): string[] {
  if (selector.kind === "name") return [selector.name];
  return selector.kind === "pattern" ? [selector.pattern] : [];
}

/** Stored names that the filter would match if it were written in their form. */
async function findStored(
  { session, place }: Asking,
  text: string,
  stored: string,
): Promise<string[]> {
  if (stored.includes("*")) {
    const found = await resolvePatterns(session, place, { op_name: stored });
    return (found.get(stored) ?? []).filter((name) => isSpanName(text) || !fitsPattern(name, text))
      .slice(0, 10);
  }
  // Use a condition rather than a list, in which SQLite ignores case.
  const selection = await buildSelection(session, place, { $and: [{ op_name: stored }] });
  return await session.count(place, selection) > 0 ? [stored] : [];
}

const JSON_FIELDS = ["inputs", "output", "attributes", "summary"];

/** Counts calls that hold the requested values as another type, such as "1" instead of 1. */
async function explainKinds(
  { session, place }: Asking,
  filters: Filters,
): Promise<string | undefined> {
  const turned = turnWithin(filters, false);
  if (!isRecord(turned) || JSON.stringify(turned) === JSON.stringify(filters)) return undefined;
  try {
    const count = await session.count(place, await buildSelection(session, place, turned));
    if (count === 0) return undefined;
    const shown = Object.entries(turned).filter(([key, value]) =>
      JSON.stringify(value) !== JSON.stringify(filters[key])
    );
    return `Calls that hold these values as another type: ${count}; ` +
      `filter by ${cutText(JSON.stringify(Object.fromEntries(shown)), 300)}.`;
  } catch (error) {
    if (!(error instanceof Failure) || session.signal.aborted) throw error;
    return undefined;
  }
}

/** Swaps the type of values in filters on JSON fields: 1 for `"1"`, `"true"` for true. */
function turnWithin(value: unknown, inside: boolean): unknown {
  if (Array.isArray(value)) return value.map((item) => turnWithin(item, inside));
  if (isRecord(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => {
        if (KEPT.includes(key)) return [key, item];
        return [key, turnWithin(item, inside || JSON_FIELDS.includes(key.split(".")[0] ?? ""))];
      }),
    );
  }
  if (!inside) return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (typeof value !== "string") return value;
  const parsed = tryParseJson(value);
  return typeof parsed === "number" || typeof parsed === "boolean" ? parsed : value;
}

/** Operators whose operand has a fixed type, or that compare both types alike. */
const KEPT = ["$exists", "$contains", "$gt", "$gte", "$lt", "$lte"];
