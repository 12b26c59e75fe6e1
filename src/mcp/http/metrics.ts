import type { CallOutcome } from "../server.ts";

/** Upper bounds of the buckets for the duration of calls, in seconds. */
const BOUNDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

interface Durations {
  /** How many were at most each bound. */
  readonly within: number[];
  count: number;
  sum: number;
}

/** What one replica has counted since it started. */
export interface Metrics {
  /** Counts a call of a tool that has ended. */
  readonly countCall: (outcome: CallOutcome) => void;
  /** Counts an answer by its HTTP status. */
  readonly countAnswer: (status: number) => void;
  /** Adds to the number of HTTP requests under way. */
  readonly changeOpen: (by: number) => void;
  /** All of it in Prometheus' text format, version 0.0.4. */
  readonly render: () => string;
}

export function createMetrics(version: string): Metrics {
  const calls = new Map<string, number>();
  const durations = new Map<string, Durations>();
  const answers = new Map<string, number>();
  let open = 0;
  const add = (counts: Map<string, number>, key: string) =>
    counts.set(key, (counts.get(key) ?? 0) + 1);
  return {
    countCall: ({ tool, outcome, seconds }) => {
      add(calls, `tool="${tool}",outcome="${outcome}"`);
      const of = durations.get(tool) ?? { within: BOUNDS.map(() => 0), count: 0, sum: 0 };
      durations.set(tool, of);
      BOUNDS.forEach((bound, index) => {
        if (seconds <= bound) of.within[index] = (of.within[index] ?? 0) + 1;
      });
      of.count += 1;
      of.sum += seconds;
    },
    countAnswer: (status) => void add(answers, `status="${status}"`),
    changeOpen: (by) => open += by,
    render: () =>
      [
        ...family("wandflow_build_info", "gauge", "The release.", [[`version="${version}"`, 1]]),
        ...family("wandflow_calls_total", "counter", "Calls of tools that have ended.", calls),
        ...head("wandflow_call_seconds", "histogram", "How long calls of tools took."),
        ...[...durations].flatMap(([tool, of]) => durationLines(`tool="${tool}"`, of)),
        ...family("wandflow_http_answers_total", "counter", "Answers by HTTP status.", answers),
        ...family("wandflow_http_requests_open", "gauge", "HTTP requests under way.", [["", open]]),
        ...family("process_resident_memory_bytes", "gauge", "Memory in use.", [
          ["", Deno.memoryUsage().rss],
        ]),
        "",
      ].join("\n"),
  };
}

function durationLines(labels: string, { within, count, sum }: Durations): string[] {
  const name = "wandflow_call_seconds";
  return [
    ...BOUNDS.map((bound, index) =>
      `${name}_bucket{${labels},le="${bound}"} ${within[index] ?? 0}`
    ),
    `${name}_bucket{${labels},le="+Inf"} ${count}`,
    `${name}_sum{${labels}} ${sum}`,
    `${name}_count{${labels}} ${count}`,
  ];
}

function family(
  name: string,
  type: "counter" | "gauge",
  help: string,
  values: Iterable<readonly [labels: string, value: number]>,
): string[] {
  const lines = [...values].map(([labels, value]) =>
    `${name}${labels === "" ? "" : `{${labels}}`} ${value}`
  );
  return [...head(name, type, help), ...lines];
}

function head(name: string, type: string, help: string): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`];
}
