/**
 * The eleven cases in which W&B's own server was observed to answer otherwise than its documentation
 * says, asked of wandflow on calls whose truth is known: how many does it answer rightly?
 */
import { z } from "zod";
import type { Manifest } from "../../tests/support/weave/seeded.ts";
import type { OwnWeave } from "../../tests/support/weave/server.ts";
import type { Row } from "./row.ts";
import { type StdioClient, textOf } from "./stdio_client.ts";

const Call = z.looseObject({ id: z.string().optional(), started_at: z.string().optional() });
const Answer = z.looseObject({
  traces: z.array(Call).default([]),
  metadata: z.looseObject({ total_matching_count: z.number() }).optional(),
  next_cursor: z.string().optional(),
  total_count: z.number().optional(),
  sample_size: z.number().optional(),
  ops: z.record(z.string(), z.unknown()).default({}),
  evaluations: z.array(z.looseObject({ scores: z.record(z.string(), z.unknown()) })).default([]),
});
type Args = Readonly<Record<string, unknown>>;

/** Asks and judges. */
class Judge {
  constructor(
    private readonly client: StdioClient,
    private readonly weave: OwnWeave,
    readonly manifest: Manifest,
  ) {}

  async ask(tool: string, args: Args, project?: string): Promise<z.output<typeof Answer>> {
    const { bytes } = await this.client.call(tool, { ...this.#place(project), ...args });
    return Answer.parse(JSON.parse(textOf(bytes)));
  }

  /** Whether a query is refused, with what is valid. */
  async refuses(args: Args): Promise<boolean> {
    const params = { name: QUERY, arguments: { ...this.#place(), ...args } };
    const { bytes } = await this.client.request("tools/call", params);
    const text = new TextDecoder().decode(bytes);
    return text.includes('"isError":true') && text.includes("invalid_arguments");
  }

  /** Whether rows, their total and the count agree on this many. */
  async agree(filters: Args, expected: number): Promise<boolean> {
    const rows = await this.ask(QUERY, { filters, detail_level: "schema" });
    const { total_count: count } = await this.ask("count_weave_traces_tool", { filters });
    const total = rows.metadata?.total_matching_count;
    return [rows.traces.length, total, count].every((one) => one === expected);
  }

  /** Bytes that the trace server sends while something is asked. */
  async received(work: () => Promise<unknown>): Promise<number> {
    await this.weave.forget();
    await work();
    const log = await this.weave.requests();
    return log.reduce((sum, { response_bytes: bytes }) => sum + bytes, 0);
  }

  #place(project?: string): Args {
    const [entity, own] = this.weave.project.split("/");
    return { entity_name: entity, project_name: project ?? own };
  }
}

const QUERY = "query_weave_traces_tool";

/** Each case in a word, and whether it is answered rightly. */
const CASES: readonly (readonly [string, (judge: Judge) => Promise<boolean>])[] = [
  ["evaluation scores, failures and names", async (judge) => {
    const { good } = judge.manifest.evaluations;
    const { evaluations } = await judge.ask("summarize_evaluation_tool", {
      evaluation_ids: [good.id],
    });
    const [own] = evaluations;
    const Exact = z.looseObject({ exact: z.looseObject({ passed: z.number() }) });
    const named = await judge.ask("summarize_evaluation_tool", { eval_name: "facts-evaluation" });
    return own !== undefined && own["total_predictions"] === good.rows &&
      own["errors"] === good.failed && named.evaluations.length > 0 &&
      Exact.parse(own.scores).exact.passed === good.exact_true;
  }],
  ["has_exception", async (judge) => {
    const all = await judge.ask("count_weave_traces_tool", {});
    const without = await judge.ask("count_weave_traces_tool", {
      filters: { has_exception: false },
    });
    const failed = (all.total_count ?? 0) - (without.total_count ?? 0);
    return failed > 0 && await judge.agree({ has_exception: true }, failed);
  }],
  ["no filter ignored", async (judge) => {
    const op = { op_name: "support.agent" };
    const old = { op_name: "legacy_op" };
    return await judge.agree({ ...old, latency: { $gte: 1499, $lt: 1501 } }, 1) &&
      await judge.agree({ ...old, latency: { $gt: 1500, $lt: 1501 } }, 0) &&
      await judge.agree({ ...op, attributes: { env: { $contains: "pro" } } }, 8) &&
      await judge.agree({ ...op, attributes: { release: { version: "1.3" } } }, 1) &&
      await judge.refuses({ filters: { time_range: "tomorrow-ish" } }) &&
      await judge.refuses({ filters: { colour: "red" } });
  }],
  ["op names, bare and with wildcards", async (judge) => {
    const agents = Object.values(judge.manifest.traces.agent_statuses)
      .reduce((sum, one) => sum + one, 0);
    return await judge.agree({ op_name: "support.agent" }, agents) &&
      await judge.agree({ op_name: "support.*" }, 2 * agents);
  }],
  ["order by cost", async (judge) => {
    // This trace server knows no costs: an order by them must be refused, or all must lack them.
    if (await judge.refuses({ sort_by: "total_cost", limit: 5 })) return true;
    const { traces } = await judge.ask(QUERY, { sort_by: "total_cost", columns: ["costs"] });
    return traces.every((call) => (call["costs"] ?? null) === null);
  }],
  [
    "numbers compared as numbers",
    (judge) => judge.agree({ op_name: "audit.check", inputs: { score: { $gt: 9 } } }, 3),
  ],
  ["every page reached", async (judge) => {
    const ids = new Set<string | undefined>();
    let rows = 0;
    let cursor: string | undefined;
    do {
      const args = { limit: 500, columns: ["id"], ...(cursor === undefined ? {} : { cursor }) };
      const page = await judge.ask(QUERY, args, "small");
      for (const { id } of page.traces) ids.add(id);
      rows += page.traces.length;
      cursor = page.next_cursor;
    } while (cursor !== undefined);
    return rows === 2000 && ids.size === 2000;
  }],
  ["limit 0", (judge) => judge.refuses({ limit: 0 })],
  ["the budget spent on contents", async (judge) => {
    const { traces } = await judge.ask(QUERY, { limit: 96 }, "small");
    return traces.length === 96 && traces.every((call) => call["inputs"] !== undefined);
  }],
  ["ids and times whole", async (judge) => {
    const filters = { op_name: "ingest.document" };
    const { traces } = await judge.ask(QUERY, { filters, truncate_length: 5 });
    return traces.length === judge.manifest.traces.documents &&
      traces.every(({ id, started_at: at }) =>
        id?.length === 36 && !Number.isNaN(Date.parse(at ?? "")) && at?.endsWith("Z") === true
      );
  }],
  ["contents downloaded only when needed", async (judge) => {
    const facts = await judge.received(() =>
      judge.ask(QUERY, { limit: 60, metadata_only: true }, "large")
    );
    let ops: string[] = [];
    const schema = await judge.received(async () => {
      ops = Object.keys((await judge.ask("infer_trace_schema_tool", {})).ops);
    });
    const wide = ["audit.check", "legacy_op", "support.agent"].every((op) => ops.includes(op));
    return facts < 100_000 && schema < 1_500_000 && wide;
  }],
];

/** One line: how many of the cases are answered rightly, and which are not. */
export async function answersRow(
  client: StdioClient,
  weave: OwnWeave,
  manifest: Manifest,
): Promise<Row> {
  const judge = new Judge(client, weave, manifest);
  const wrong: string[] = [];
  for (const [what, isRight] of CASES) if (!await isRight(judge)) wrong.push(what);
  return {
    what: "cases in which the original was observed to be wrong: right answers",
    unit: "cases",
    wandflow: CASES.length - wrong.length,
    goals: [{ against: "least", factor: CASES.length }],
    note: wrong.length > 0
      ? `wrong: ${wrong.join(", ")}`
      : `${
        CASES.map(([what]) => what).join("; ")
      }; when they were observed, the original answered none of them rightly`,
  };
}
