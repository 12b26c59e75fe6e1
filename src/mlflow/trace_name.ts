/**
 * MLflow gives no name to traces that arrive through OpenTelemetry: they get their root span's.
 *
 * @module
 */
import {
  type Clause,
  type Filter,
  looksIntoSpans,
  printClause,
  printFilter,
} from "./filter/clause.ts";
import { MOST_READ, readRootNames, shapeInfo } from "./trace.ts";
import { isOlderThan } from "./query.ts";
import type { TracePage, TraceQuery, TraceReader } from "./store.ts";

/** A filter by name, for traces without one: those that may have a root span of that name. */
interface ByRootName {
  readonly name: Clause;
  readonly filter: Filter;
  /** Whether the filter asks for a span of that name; else it says nothing of names. */
  readonly narrow: boolean;
}

/** Undefined where no name is compared. */
function filterByRootName(filter: Filter | undefined): ByRootName | undefined {
  const clauses = filter?.clauses ?? [];
  const name = clauses.find(({ entity, key, op }) =>
    entity === "trace" && key === "name" && /^(!?=|[IR]?LIKE)$/.test(op)
  );
  if (name === undefined) return undefined;
  const others = clauses.filter((clause) => clause !== name);
  const nameless: Clause = { entity: "trace", key: "name", op: "IS NULL", value: null };
  // Comparisons of spans have to hold for one and the same span, which need not be the root.
  const narrow = name.op !== "!=" && !others.some(looksIntoSpans);
  const candidates = [
    ...others,
    nameless,
    ...(narrow ? [{ ...name, entity: "span" as const }] : []),
  ];
  return { name, filter: { clauses: candidates, notes: [] }, narrow };
}

/**
 * How many traces without a name of their own may match by that of their root span; undefined where
 * that cannot be told.
 */
export async function countByRootName(
  { experimentIds, filter }: Pick<TraceQuery, "experimentIds" | "filter">,
  mlflow: TraceReader,
): Promise<number | undefined> {
  const other = filterByRootName(filter);
  if (other === undefined) return 0;
  // Servers that take no OpenTelemetry have no traces without a name.
  if (await isOlderThan("3.6", mlflow)) return 0;
  return await mlflow.count({ experimentIds, filter: other.filter });
}

/** What a result says of traces that {@link countByRootName} counts and that it does not hold. */
export function describeOthers(
  count: number | undefined,
  { filter }: Pick<TraceQuery, "filter">,
): string {
  const other = filterByRootName(filter);
  if (count === undefined) {
    return "Traces without a name of their own (they arrived through OpenTelemetry) may match by " +
      "the name of their root span; whether there are any is unknown.";
  }
  const finds = other === undefined ? "" : `: ${printFilter(other.filter)} finds them.`;
  return `Besides, ${count} traces without a name of their own (they arrived through ` +
    `OpenTelemetry) ${
      other?.narrow === false
        ? "may match by the name of their root span, which was not looked at"
        : "have such a span"
    }${finds}`;
}

/** Marks tokens of searches by the names of root spans: they are valid in no other search. */
const MARK = "root-name.";

function markToken(token: string | undefined): string | undefined {
  return token === undefined ? undefined : MARK + token;
}

/** The server's token in one of ours, and whether it is of a search by the names of root spans. */
export function readMark(token: string | undefined) {
  const byRootName = token?.startsWith(MARK) === true;
  return { byRootName, pageToken: byRootName ? token?.slice(MARK.length) : token };
}

/** Most pages of nameless traces that are read to find one that matches. */
const MOST_PAGES = 5;

/** What {@link searchByRootName} found. */
interface FoundByRootName {
  readonly page: TracePage;
  readonly note: string;
  /** Whether the root span of every trace was read. */
  readonly whole: boolean;
}

/**
 * Searches by the names of root spans where no trace has a name of its own that is asked for;
 * undefined where some have.
 */
export async function searchByRootName(
  query: TraceQuery,
  mlflow: TraceReader,
): Promise<FoundByRootName | undefined> {
  const other = filterByRootName(query.filter);
  if (other === undefined) return undefined;
  const matches = await compileName(other.name);
  const limit = Math.min(query.limit, MOST_READ);
  let { pageToken } = query;
  let unread = 0;
  for (let pages = 1;; pages++) {
    const page = await mlflow.search({ ...query, filter: other.filter, limit, pageToken });
    const names = await readRootNames(page.infos.map(shapeInfo), mlflow);
    unread += page.infos.length - names.size;
    const kept = page.infos.flatMap((_, place) => {
      const name = names.get(place);
      return name !== undefined && matches(name) ? [place] : [];
    });
    pageToken = page.nextPageToken;
    if (kept.length === 0 && pageToken !== undefined && pages < MOST_PAGES) continue;
    return {
      page: {
        ...page,
        infos: page.infos.filter((_, place) => kept.includes(place)),
        nextPageToken: markToken(page.nextPageToken),
        tokenAfter: (count) => markToken(page.tokenAfter(kept[count] ?? page.infos.length)),
      },
      note: `No trace has a name of its own for ${printClause(other.name)}. Those without one ` +
        "(they arrived through OpenTelemetry) were searched for by the name of their root span" +
        (unread === 0 ? "." : `; that of ${unread} could not be read.`),
      whole: unread === 0,
    };
  }
}

/** Compiles a comparison to a predicate on names, with the server's meaning of the operators. */
async function compileName({ op, value }: Clause): Promise<(name: string) => boolean> {
  const text = String(value);
  if (op === "=") return (name) => name === text;
  if (op === "!=") return (name) => name !== text;
  if (op === "RLIKE") return (await import("./local/python_regex.ts")).compileSearch(text);
  const folded = text.toLowerCase();
  return op === "ILIKE"
    ? (name) => isLike([...name.toLowerCase()], [...folded])
    : (name) => isLike([...name], [...text]);
}

/** SQL's LIKE, in time proportional to both lengths: only the last % is retried. */
function isLike(text: readonly string[], pattern: readonly string[]): boolean {
  let [at, wanted, star, from] = [0, 0, -1, 0];
  while (at < text.length) {
    if (pattern[wanted] === "%") {
      star = wanted++;
      from = at;
    } else if (pattern[wanted] === "_" || pattern[wanted] === text[at]) {
      wanted++;
      at++;
    } else if (star >= 0) {
      wanted = star + 1;
      at = ++from;
    } else return false;
  }
  return pattern.slice(wanted).every((sign) => sign === "%");
}
