import { fileURLToPath } from "node:url";
import { z } from "zod";
import { progress, run } from "../python/command.ts";
import { ensureVenv } from "../python/venv.ts";
import type { Mlflow } from "./server.ts";

const SCRIPT = fileURLToPath(new URL("./seed.py", import.meta.url));

const Span = z.object({
  /** 16 hex digits. */
  span_id: z.string(),
  parent_id: z.string().nullable(),
  name: z.string(),
  type: z.string(),
  status: z.enum(["OK", "ERROR"]),
});

const Assessment = z.object({
  assessment_id: z.string(),
  kind: z.enum(["feedback", "expectation"]),
  value: z.unknown(),
  source_type: z.string(),
  source_id: z.string(),
  rationale: z.string().nullable(),
  metadata: z.record(z.string(), z.string()).nullable(),
  span_id: z.string().nullable(),
  error: z.object({ error_code: z.string(), error_message: z.string() }).nullable(),
});

const Trace = z.object({
  trace_id: z.string(),
  start_ms: z.int(),
  duration_ms: z.int().nullable(),
  state: z.enum(["OK", "ERROR", "IN_PROGRESS"]),
  /** In the order they started; the first is the root. */
  spans: z.array(Span),
  tags: z.record(z.string(), z.string()),
  metadata: z.record(z.string(), z.string()),
  client_request_id: z.string().nullable(),
  /** By name; only `full` has any. */
  assessments: z.record(z.string(), Assessment).optional(),
});

/** Names of the traces in the experiment "agents". */
export const TRACE_NAMES = [
  "full",
  "second_turn",
  "failed_recent",
  "failed_earlier",
  "slow",
  "slowest",
  "old",
  "older",
  "linked",
  "hidden",
  "html",
  "foreign",
  "bare",
  "in_progress",
] as const;

/** What seed.py made, with the values it gave to MLflow's client. */
export const Manifest = z.object({
  client_version: z.string(),
  /** When it was made; the times of all traces count from here. */
  now_ms: z.int(),
  /** Ids. "paging" holds many traces without spans, "large" one of 2,000 spans and 10 MB. */
  experiments: z.object({
    agents: z.string(),
    support: z.string(),
    paging: z.string(),
    large: z.string(),
  }),
  traces: z.record(z.enum(TRACE_NAMES), Trace),
  runs: z.object({ evaluation: z.string(), linked: z.string() }),
  model_id: z.string(),
  /** Ids, newest first. */
  support: z.array(z.string()),
  /** Ids, newest first: number n (from 1) is n minutes old, took n ms, failed if n ends in 0. */
  paging: z.array(z.string()),
  /** The large trace; `spans` is their number. */
  large: z.object({
    trace_id: z.string(),
    start_ms: z.int(),
    duration_ms: z.int(),
    state: z.string(),
    spans: z.int(),
  }),
  /** Texts with hidden characters, markup and other scripts, as stored. */
  texts: z.object({ hidden: z.string(), html: z.string(), foreign: z.string() }),
});
/** What seed.py made. */
export type Manifest = z.infer<typeof Manifest>;

/** Fills a server through the Python client of its own version. Takes some seconds. */
export async function seed(server: Pick<Mlflow, "uri" | "version">): Promise<Manifest> {
  const venv = await ensureVenv(`mlflow-${server.version}`);
  const env = { MLFLOW_TRACKING_URI: server.uri };
  const { code, stdout, stderr } = await run(venv.python, ["-W", "ignore", SCRIPT], { env });
  if (code !== 0) throw new Error(`Seeding MLflow ${server.version} failed:\n${stderr}`);
  progress(`MLflow ${server.version} ${stderr.trim().split("\n").at(-1) ?? ""}`);
  return Manifest.parse(JSON.parse(stdout));
}
