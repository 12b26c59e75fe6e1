import { encode } from "gpt-tokenizer/encoding/o200k_base";
import { z } from "zod";
import { officialMlflow, wandflow } from "./programs.ts";
import type { Result, Row } from "./row.ts";
import { type ServerProgram, StdioClient } from "./stdio_client.ts";

const Entry = z.looseObject({
  name: z.string(),
  description: z.string().optional(),
  inputSchema: z.unknown(),
});
type Entry = z.infer<typeof Entry>;

const Listing = z.looseObject({ result: z.looseObject({ tools: z.array(Entry) }) });

/** The ten trace tools, with the original's names of today. */
const TRACE_TOOLS = new Map([
  ["search_traces", "search_traces"],
  ["get_trace", "get_trace"],
  ["log_feedback", "log_trace_feedback"],
  ["log_expectation", "log_trace_expectation"],
  ["get_assessment", "get_trace_assessment"],
  ["update_assessment", "update_trace_assessment"],
  ["delete_assessment", "delete_trace_assessment"],
  ["set_trace_tag", "set_trace_tag"],
  ["delete_trace_tag", "delete_trace_tag"],
  ["delete_traces", "delete_traces"],
]);

/** Listing asks nothing of a back end: this one does not exist, and the key is no real one. */
const NOWHERE = "http://127.0.0.1:9";
const NO_KEY = "0".repeat(40);

/** What `tools/list` costs a model, in tokens. */
export async function bench(): Promise<Result> {
  const own = await list(
    await wandflow({ MLFLOW_TRACKING_URI: NOWHERE, WANDB_API_KEY: NO_KEY }),
  );
  const theirs = await list(await officialMlflow(NOWHERE));
  const ownTraces = own.filter(({ name }) => TRACE_TOOLS.has(name));
  const names = new Set(TRACE_TOOLS.values());
  const theirTraces = theirs.filter(({ name }) => names.has(name));
  if (ownTraces.length !== TRACE_TOOLS.size || theirTraces.length !== TRACE_TOOLS.size) {
    throw new Error("A trace tool is missing from a listing.");
  }
  return {
    title: "What the tool listing costs",
    about: "Exact o200k_base tokens of `tools/list`, by a tokenizer: what models are usually " +
      "given (name, description and input schema of each tool, as compact JSON), and everything " +
      "that is sent (titles, output schemas and annotations too). The original is `mlflow mcp " +
      "run` with the tools it lists by default.",
    rows: [
      row("the ten trace tools, what models are given", ownTraces, theirTraces, read),
      row("the ten trace tools, everything sent", ownTraces, theirTraces, whole),
      {
        what: `all tools: ${own.length} (MLflow and W&B) beside the original's ${theirs.length}, ` +
          "what models are given",
        ...figures(own, theirs, read),
      },
      {
        what: `all tools: ${own.length} beside ${theirs.length}, everything sent`,
        ...figures(own, theirs, whole),
      },
    ],
  };
}

async function list(program: ServerProgram): Promise<Entry[]> {
  const { client } = await StdioClient.start(program);
  await using _ = client;
  const { bytes } = await client.request("tools/list", {});
  return Listing.parse(JSON.parse(new TextDecoder().decode(bytes))).result.tools;
}

function row(what: string, own: Entry[], theirs: Entry[], view: (entry: Entry) => unknown): Row {
  return { what, ...figures(own, theirs, view) };
}

function figures(own: Entry[], theirs: Entry[], view: (entry: Entry) => unknown) {
  const tokens = (entries: Entry[]) => encode(JSON.stringify(entries.map(view))).length;
  return { unit: "tokens", wandflow: tokens(own), original: tokens(theirs) } as const;
}

function read({ name, description, inputSchema }: Entry): unknown {
  return { name, description, inputSchema };
}

function whole(entry: Entry): unknown {
  return entry;
}
