/**
 * Filters and orders about what a store really holds, so that most of them match something.
 *
 * @module
 */
import fc from "fast-check";
import { type Clause, printFilter } from "../../../src/mlflow/filter/clause.ts";
import { parseFilter } from "../../../src/mlflow/filter/filter.ts";
import { isJsonObject, type Json } from "../../../src/core/json.ts";
import { readClause } from "../filter/arbitrary.ts";

/** What occurs in some traces. */
export interface Vocabulary {
  readonly traces: readonly { id: string; client: string; start: number; took: number }[];
  readonly names: readonly string[];
  readonly tags: readonly (readonly [string, string])[];
  readonly metadata: readonly (readonly [string, string])[];
  readonly assessments: readonly { kind: string; name: string; value: Json }[];
  readonly spans: readonly { name: string; type: string }[];
  readonly attributes: readonly (readonly [string, string])[];
}

/** The vocabulary of trace infos and spans as the client shape has them. */
export function vocabularyOf(infos: readonly Json[], spans: readonly Json[]): Vocabulary {
  const objects = infos.filter(isJsonObject);
  const entries = (key: string) =>
    objects.flatMap((info) => {
      const map = info[key];
      return isJsonObject(map === undefined ? null : map) ? Object.entries(map ?? {}) : [];
    }).map(([name, value]) =>
      [name, typeof value === "string" ? value : JSON.stringify(value)] as const
    );
  const tags = entries("tags");
  const assessments = objects.flatMap(({ assessments: list }) => Array.isArray(list) ? list : [])
    .filter(isJsonObject).map((one) => {
      const kind = "expectation" in one ? "expectation" : "feedback";
      const body = one[kind];
      const value = isJsonObject(body ?? null) && isJsonObject(body) ? body["value"] : null;
      return { kind, name: String(one["assessment_name"]), value: value ?? null };
    });
  const attributes = spans.filter(isJsonObject).flatMap((span) => {
    const map = span["attributes"];
    return isJsonObject(map ?? null) && isJsonObject(map) ? Object.entries(map) : [];
  });
  return {
    traces: objects.map((info) => ({
      id: String(info["trace_id"]),
      client: String(info["client_request_id"] ?? "none"),
      start: Date.parse(String(info["request_time"])),
      took: Number(info["execution_duration_ms"] ?? 0),
    })),
    names: tags.filter(([key]) => key === "mlflow.traceName").map(([, value]) => value),
    tags,
    metadata: entries("trace_metadata"),
    assessments,
    spans: spans.filter(isJsonObject).map((span) => {
      const own = span["attributes"];
      const type = isJsonObject(own ?? null) && isJsonObject(own) ? own["mlflow.spanType"] : null;
      return { name: String(span["name"]), type: String(type ?? "UNKNOWN") };
    }),
    attributes: attributes.map(([key, value]) =>
      [key, typeof value === "string" ? value : JSON.stringify(value)] as const
    ),
  };
}

const sign = fc.constantFrom("=", "!=", ">", ">=", "<", "<=");
const equality = fc.constantFrom("=", "!=");
const like = fc.constantFrom("LIKE", "ILIKE");
const presence = fc.constantFrom("IS NULL", "IS NOT NULL");

/** A text that can stand in quotes. */
const quoted = (text: string) => text.includes("'") ? `"${text.replaceAll('"', "")}"` : `'${text}'`;

/** A pattern that matches a part of a text, sometimes with a wildcard within or in other case. */
const patternOf = (text: string): fc.Arbitrary<string> =>
  fc.tuple(fc.nat(8), fc.nat(12), fc.boolean(), fc.constantFrom("%", "")).map(
    ([from, length, upper, before]) => {
      const part = text.slice(from, from + length + 1).replace(/\\+$/, "");
      return `${before}${upper ? part.toUpperCase() : part}%`;
    },
  );

/** A regular expression about a text, in what Python and JavaScript have in common and not. */
const regexOf = (text: string): fc.Arbitrary<string> => {
  const plain = (part: string) => part.replace(/[^A-Za-z0-9 ]/g, ".");
  return fc.constantFrom(
    `^${plain(text.slice(0, 4))}`,
    `${plain(text.slice(-3))}$`,
    `(?i)${plain(text.slice(0, 6).toUpperCase())}`,
    "\\w+\\s\\w+",
    "^\\S+$",
    "\\d",
    "[^\\W\\d_]{3,}",
    "(?P<first>[a-z]+).*\\b[A-Za-z]+\\Z",
    `(?:${plain(text.slice(0, 3))}|zzz)`,
    "[[:a-z]",
    "a{,3}b*$",
    "(?s).\\Z",
  );
};

const key = (name: string) => `\`${name}\``;

/** Clauses about what the vocabulary holds, as text. */
function clauseText(words: Vocabulary): fc.Arbitrary<string> {
  const pick = <T>(list: readonly T[], other: T) => fc.constantFrom(...list, other);
  const trace = pick(words.traces, { id: "tr-0", client: "x", start: 0, took: 5 });
  const entry = (prefix: string, list: readonly (readonly [string, string])[]) =>
    pick(list.filter(([name]) => !name.includes("`") && !/prompt/i.test(name)), ["none", "x"])
      .chain(([name, value]) => {
        const numeric = name === "mlflow.trace.tokenUsage" || name === "mlflow.trace.cost";
        return fc.oneof(
          equality.map((op) => `${prefix}.${key(name)} ${op} ${quoted(value)}`),
          presence.map((op) => `${prefix}.${key(name)} ${op}`),
          ...(numeric ? [] : [
            fc.tuple(like, patternOf(value))
              .map(([op, text]) => `${prefix}.${key(name)} ${op} ${quoted(text)}`),
            regexOf(value).map((text) => `${prefix}.${key(name)} RLIKE ${quoted(text)}`),
          ]),
        );
      });
  const text = (name: string, value: string, list: boolean) =>
    fc.oneof(
      equality.map((op) => `${name} ${op} ${quoted(value)}`),
      fc.tuple(like, patternOf(value)).map(([op, pattern]) => `${name} ${op} ${quoted(pattern)}`),
      regexOf(value).map((pattern) => `${name} RLIKE ${quoted(pattern)}`),
      ...(list
        ? [
          fc.constantFrom("IN", "NOT IN").map((op) => `${name} ${op} (${quoted(value)}, 'other')`),
        ]
        : []),
    );
  const time = (name: string, at: number) =>
    fc.tuple(sign, fc.constantFrom(-1, 0, 1, 1.5)).map(([op, by]) => `${name} ${op} ${at + by}`);
  return fc.oneof(
    fc.tuple(equality, fc.constantFrom("OK", "ERROR", "IN_PROGRESS"))
      .map(([op, state]) => `status ${op} '${state}'`),
    trace.chain(({ id, client }) =>
      fc.oneof(text("request_id", id, true), text("client_request_id", client, true))
    ),
    trace.chain(({ start, took }) =>
      fc.oneof(
        time("timestamp_ms", start),
        time("end_time_ms", start + took),
        time("execution_time_ms", took),
      )
    ),
    pick(words.names, "x").chain((name) =>
      fc.oneof(text("name", name, false), presence.map((op) => `name ${op}`))
    ),
    entry("tag", words.tags),
    entry("metadata", words.metadata),
    pick(words.metadata.filter(([name]) => name === "mlflow.sourceRun"), ["", "none"]).chain((
      [, run],
    ) => fc.oneof(text("run_id", run, false), presence.map((op) => `run_id ${op}`))),
    pick(words.spans, { name: "x", type: "LLM" }).chain(({ name, type }) =>
      fc.oneof(
        text("span.name", name, true),
        text("span.type", type, true),
        fc.constantFrom("OK", "ERROR").map((state) => `span.status = '${state}'`),
        patternOf(name).map((pattern) => `trace.text LIKE ${quoted(`%${pattern}`)}`),
        patternOf(name).map((pattern) => `span.content ILIKE ${quoted(`%${pattern}`)}`),
      )
    ),
    pick(words.attributes.filter(([name]) => !name.includes("`")), ["none", "x"]).chain((
      [name, value],
    ) =>
      fc.oneof(
        fc.constant(`span.attributes.${key(name)} = ${quoted(value.slice(0, 40))}`),
        patternOf(value.slice(0, 40)).map((pattern) =>
          `span.attributes.${key(name)} LIKE ${quoted(pattern)}`
        ),
        // The server puts text before the pattern, where Python takes no modes any more.
        regexOf(value.slice(0, 40)).filter((pattern) => !pattern.startsWith("(?i)")).map((
          pattern,
        ) => `span.attributes.${key(name)} RLIKE ${quoted(pattern)}`),
      )
    ),
    pick(words.assessments, { kind: "feedback", name: "none", value: 1 }).chain((one) => {
      const name = `${one.kind}.${key(one.name)}`;
      const value = typeof one.value === "string" ? one.value : JSON.stringify(one.value);
      return fc.oneof(
        presence.map((op) => `${name} ${op}`),
        equality.map((op) => `${name} ${op} ${quoted(value)}`),
        patternOf(value).map((pattern) => `${name} LIKE ${quoted(pattern)}`),
        regexOf(value).map((pattern) => `${name} RLIKE ${quoted(pattern)}`),
        fc.tuple(fc.constantFrom(">", ">=", "<", "<="), fc.constantFrom(0, 0.5, 0.85, 1, 4)).map((
          [op, number],
        ) => `${name} ${op} ${number}`),
      );
    }),
  );
}

/** One comparison, as the reader of filters gives it and any server can read it. */
export function clauseAbout(words: Vocabulary): fc.Arbitrary<Clause> {
  const about = clauseText(words).map(read).filter((clause) => clause !== undefined);
  return fc.oneof({ weight: 6, arbitrary: about }, { weight: 1, arbitrary: readClause });
}

/** The clause of a text; undefined for one that no server can evaluate. */
function read(text: string): Clause | undefined {
  try {
    const { clauses } = parseFilter(text, { now: 0 });
    const again = parseFilter(printFilter({ clauses }), { now: 0 });
    return again.clauses.length === 1 ? again.clauses[0] : undefined;
  } catch {
    return undefined;
  }
}
