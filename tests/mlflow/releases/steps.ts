/** The calls that every release answers, and their answers without what differs from run to run. */
import { at, listAt, type Tools } from "../harness.ts";

/** What calls refer to. */
export interface Written {
  readonly traces: readonly string[];
  /** Ids of assessments of the first trace, by their names. */
  readonly assessments: ReadonlyMap<string, string>;
}

interface Step {
  readonly tool: string;
  /** What tells it from others of the same tool. */
  readonly about?: string;
  readonly args: (written: Written) => Record<string, unknown>;
}

const experiment_id = "releases";

/** Each tests one part of the filter grammar. */
const FILTERS = [
  "status = 'ERROR'",
  "tag.team = 'search'",
  "tag.`a.b c` = '1'",
  "client_request_id = 'request first'",
  "span.name = 'look up'",
  "span.type = 'TOOL' AND span.status = 'ERROR'",
  "span.attributes.model LIKE '%tiny%'",
  "trace.text ILIKE '%PARCEL%'",
  "trace.name RLIKE '^sec'",
  "end_time_ms > 0",
  "feedback.helpful = 'true'",
  "feedback.score > 0.5",
  "expectation.answer IS NOT NULL",
  "tag.team IS NULL",
];

/** Calls that change nothing: a local store answers them, too. */
export const READING: readonly Step[] = [
  {
    tool: "search_traces",
    args: () => ({ experiment_id, order_by: "timestamp ASC", include_spans: true }),
  },
  { tool: "search_traces", about: "as a table", args: () => ({ experiment_id, output: "table" }) },
  ...FILTERS.map((filter_string): Step => ({
    tool: "search_traces",
    about: filter_string,
    args: () => ({ experiment_id, filter_string, extract_fields: "info.client_request_id" }),
  })),
  { tool: "get_trace", args: ({ traces }) => ({ trace_id: traces[0] }) },
  { tool: "get_trace", about: "with an error", args: ({ traces }) => ({ trace_id: traces[1] }) },
  {
    tool: "get_trace",
    about: "unknown",
    args: () => ({ trace_id: "tr-00000000000000000000000000000000" }),
  },
  ...["helpful", "score", "answer"].map((name): Step => ({
    tool: "get_assessment",
    about: name,
    args: ({ traces, assessments }) => ({
      trace_id: traces[0],
      assessment_id: assessments.get(name),
    }),
  })),
  { tool: "plot_traces", args: () => ({ experiment_id }) },
];

/** Calls that change traces, in this order. */
export const WRITING: readonly Step[] = [
  { tool: "log_feedback", args: ({ traces }) => ({ trace_id: traces[2], name: "new", value: 4 }) },
  {
    tool: "log_expectation",
    args: ({ traces }) => ({ trace_id: traces[2], name: "list", value: ["a", { b: 1 }] }),
  },
  {
    tool: "update_assessment",
    args: ({ traces, assessments }) => ({
      trace_id: traces[0],
      assessment_id: assessments.get("helpful"),
      value: false,
      rationale: "changed",
    }),
  },
  {
    tool: "delete_assessment",
    args: ({ traces, assessments }) => ({
      trace_id: traces[0],
      assessment_id: assessments.get("score"),
      confirm: true,
    }),
  },
  {
    tool: "set_trace_tag",
    args: ({ traces }) => ({ trace_id: traces[1], key: "seen by", value: "ann ü" }),
  },
  { tool: "delete_trace_tag", args: ({ traces }) => ({ trace_id: traces[0], key: "team" }) },
  {
    tool: "delete_traces",
    about: "by id",
    args: ({ traces }) => ({ experiment_id, trace_ids: traces[2], confirm: true }),
  },
  {
    tool: "search_traces",
    about: "after the changes",
    args: () => ({ experiment_id, order_by: "timestamp ASC", extract_fields: "info.*" }),
  },
  {
    tool: "delete_traces",
    about: "by time",
    args: () => ({ experiment_id, max_timestamp_millis: 4_000_000_000_000, confirm: true }),
  },
];

export const describeStep = ({ tool, about }: Step) =>
  about === undefined ? tool : `${tool}: ${about}`;

/** Ids of the first trace's assessments. */
export async function findAssessments(
  tools: Tools,
  trace_id: string,
): Promise<Written["assessments"]> {
  const data = await tools.ok("get_trace", { trace_id, extract_fields: "info.assessments" });
  return new Map(
    listAt(data, "info", "assessments").map((one) => [
      String(at(one, "assessment_name")),
      String(at(one, "assessment_id")),
    ]),
  );
}

/** Carries out calls, one after the other; a refusal is an answer, too. */
export async function answerAll(
  tools: Tools,
  steps: readonly Step[],
  written: Written,
): Promise<Map<string, unknown>> {
  const answers = new Map<string, unknown>();
  for (const step of steps) {
    const consent = { canAsk: false, answer: undefined, trustConfirm: true };
    const { data, failure } = await tools.call(step.tool, step.args(written), { consent });
    answers.set(
      describeStep(step),
      failure === undefined ? data : { refused: failure.error, message: failure.message },
    );
  }
  return answers;
}

/** Every leaf of an answer by its place, as it is. */
export function flatten(answer: unknown): Map<string, string> {
  const leaves = new Map<string, string>();
  const walk = (value: unknown, place: string) => {
    if (Array.isArray(value)) value.forEach((one, index) => walk(one, `${place}[${index}]`));
    else if (value !== null && typeof value === "object") {
      for (const [key, one] of Object.entries(value)) {
        walk(one, `${place}${place === "" ? "" : "."}${key}`);
      }
      if (Object.keys(value).length === 0) leaves.set(place, "{}");
    } else leaves.set(place, JSON.stringify(value) ?? "");
  };
  walk(answer, "");
  return leaves;
}

/** The same with ids by the order of their first sight, without times and what else varies. */
export function flattenGenerally(answer: unknown): Map<string, string> {
  const names = new Map<string, string>();
  const hide = (text: string) =>
    text
      .replace(/\b(tr-|a-)?[0-9a-f]{16,32}\b/g, (id) => {
        const name = names.get(id) ?? `<id ${names.size + 1}>`;
        names.set(id, name);
        return name;
      })
      .replace(/\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)?/g, "<time>")
      .replace(/\b\d+(\.\d+)? ?(ms|s)\b/g, "<duration>")
      .replace(/http:\/\/127\.0\.0\.1:\d+/g, "<server>");
  return new Map(
    [...flatten(answer)].map((
      [place, leaf],
    ) => [place, VARIES.test(place) ? "<varies>" : hide(leaf)]),
  );
}

/** Places whose values are new in every run: times, durations, sizes, ids in Base64, the machine. */
const VARIES =
  /(_ms|_time|time_unix_nano|duration|timestamp|\.(trace_id|span_id|parent_span_id)|sizeBytes|total_size_bytes|sizeStats\.\w+|stacktrace|mlflow\.(user|source\.(name|git\.\w+))|rows\[\d+\]\[\d+\])$|median|p95|longest|slowest/;
