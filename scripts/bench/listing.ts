import { encode } from "gpt-tokenizer/encoding/o200k_base";
import { z } from "zod";
import { officialMlflow, type Program, StdioClient, wandflow } from "./client.ts";
import type { Row, Section } from "./row.ts";

const Entry = z.looseObject({
  name: z.string(),
  description: z.string().optional(),
  inputSchema: z.unknown(),
});
type Entry = z.infer<typeof Entry>;
const Listing = z.looseObject({ result: z.looseObject({ tools: z.array(Entry) }) });

/** The ten trace tools, and the original's names of today where they differ. */
const TRACE_TOOLS: Readonly<Record<string, string>> = {
  search_traces: "search_traces",
  get_trace: "get_trace",
  log_feedback: "log_trace_feedback",
  log_expectation: "log_trace_expectation",
  get_assessment: "get_trace_assessment",
  update_assessment: "update_trace_assessment",
  delete_assessment: "delete_trace_assessment",
  set_trace_tag: "set_trace_tag",
  delete_trace_tag: "delete_trace_tag",
  delete_traces: "delete_traces",
};

const VIEWS: readonly (readonly [string, (entry: Entry) => unknown])[] = [
  ["what models are given", ({ name, description, inputSchema }) => (
    { name, description, inputSchema }
  )],
  ["everything sent", (entry) => entry],
];

/** What `tools/list` costs a model, in tokens. Listing asks nothing of a back end: none is there. */
export async function bench(): Promise<Section> {
  const nowhere = "http://127.0.0.1:9";
  const own = await list(
    await wandflow({ MLFLOW_TRACKING_URI: nowhere, WANDB_API_KEY: "0".repeat(40) }),
  );
  const theirs = await list(await officialMlflow(nowhere));
  const ownTraces = own.filter(({ name }) => name in TRACE_TOOLS);
  const theirTraces = theirs.filter(({ name }) => Object.values(TRACE_TOOLS).includes(name));
  if (ownTraces.length !== 10 || theirTraces.length !== 10) {
    throw new Error("A trace tool is missing from a listing.");
  }
  const rows = (what: string, ours: Entry[], others: Entry[]) =>
    VIEWS.map(([seen, view]): Row => {
      const tokens = (entries: Entry[]) => encode(JSON.stringify(entries.map(view))).length;
      return {
        what: `${what}, ${seen}`,
        unit: "tokens",
        wandflow: tokens(ours),
        original: tokens(others),
      };
    });
  return {
    title: "What the tool listing costs",
    about: "Exact o200k_base tokens of `tools/list`, by a tokenizer: what models are usually " +
      "given (name, description and input schema of each tool, as compact JSON), and everything " +
      "that is sent (titles, output schemas and annotations too). The original is `mlflow mcp " +
      "run` with the tools it lists by default.",
    rows: [
      ...rows("the ten trace tools", ownTraces, theirTraces),
      ...rows(
        `all tools: ${own.length} (MLflow and W&B) beside the original's ${theirs.length}`,
        own,
        theirs,
      ),
    ],
  };
}

async function list(program: Program): Promise<Entry[]> {
  await using client = await StdioClient.start(program);
  const { text } = await client.request("tools/list", {});
  return Listing.parse(JSON.parse(text)).result.tools;
}
