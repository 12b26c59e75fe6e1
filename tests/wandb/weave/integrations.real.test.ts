/** Calls of model libraries as Weave's own clients patch them, on a stub model. */
import assert from "node:assert/strict";
import { z } from "zod";
import { countTraces, queryTraces } from "../../../src/wandb/tools/query_traces.ts";
import { shared } from "../../support/backend.ts";
import { startBridge } from "../../support/weave/bridge.ts";
import { WEAVE_SERVERS, weaveClickhouse } from "../../support/weave/seeded.ts";
import { attach } from "../../support/weave/server.ts";
import { type Data, list, record, rigOn } from "./harness.ts";

const Ids = z.object({ agent: z.string(), chain: z.string() });
const Costs = z.record(z.string(), z.record(z.string(), z.unknown())).optional();
const Calls = z.array(z.looseObject({
  id: z.string(),
  summary: z.looseObject({ weave: z.looseObject({ costs: Costs }) }),
}));

/** What a record of costs adds up to, of as many parts as it has. */
function sumParts(cost: Readonly<Record<string, unknown>>): number {
  return Object.entries(cost).filter(([name]) => name.endsWith("_total_cost"))
    .reduce((sum, [, value]) => sum + Number(value), 0);
}

const CLIENTS = ["weave", "weave-newest"] as const;
const GPT = "gpt-4o-mini";
const CLAUDE = "claude-sonnet-4-20250514";
const CREATE = "openai.chat.completions.create";
/** US dollars for each token that is read and written, from the price list of Weave's server. */
const PRICES = {
  [GPT]: { read: 0.15e-6, written: 0.6e-6 },
  [CLAUDE]: { read: 3e-6, written: 15e-6 },
};

for (const backend of WEAVE_SERVERS) {
  Deno.test(`calls of patched libraries are shown whole (${backend.name})`, async (t) => {
    const state = await shared(backend);
    const seeded = await Promise.all(CLIENTS.map(async (client) => {
      const project = `${state.project.split("/")[0]}/patched-${crypto.randomUUID().slice(0, 8)}`;
      const manifest = await attach(state).python("seed_integrations.py", [project], client);
      return { client, project, ids: Ids.parse(JSON.parse(manifest)) };
    }));
    for (const { client, project, ids } of seeded) {
      const rig = rigOn({ ...state, project });
      // The newer client counts what came from the cache among a call's input.
      const input = client === "weave" ? 30 : 30 + 500 + 1000;
      const cost = (model: keyof typeof PRICES, read: number, written: number) =>
        PRICES[model].read * read + PRICES[model].written * written;
      const chat = cost(GPT, 100, 20);
      const message = cost(CLAUDE, input, 7);
      const near = (found: unknown, expected: number) => {
        if (backend !== weaveClickhouse) assert.equal(found, undefined, "SQLite has no prices");
        else assert.ok(Math.abs(Number(found) - expected) < 1e-9, `${found} is not ${expected}`);
      };
      const costOf = (row: Data, model: string) =>
        (row["costs"] ?? undefined) === undefined
          ? undefined
          : record(record(row["costs"])[model])["total_cost"];

      await t.step(`${client}: ops are named, and sums count no call twice`, async () => {
        const all = await rig.call(queryTraces, { sort_direction: "asc" });
        const metadata = record(all["metadata"]);
        assert.deepEqual(metadata["op_distribution"], {
          ...{ [CREATE]: 3, "agent.run": 1, "anthropic.Messages.create": 1, "chain.run": 1 },
          ...{ "langchain.Chain.RunnableSequence": 1, "langchain.Llm.ChatOpenAI": 1 },
          "langchain.Prompt.ChatPromptTemplate": 1,
        });
        const counts = record(metadata["token_counts"]);
        const { input_tokens: read, output_tokens: written } = counts;
        assert.deepEqual([read, written], [300 + input, 60 + 7]);
        assert.equal(counts["total_tokens"], 367 + input);
        assert.equal(counts["cache_creation_input_tokens"], 500);
        near(counts["total_cost"], 3 * chat + message);
        // This server's price list has two parts: what it has no price for is reported.
        const fromCache = client === "weave" ? 1000 : 1120;
        assert.deepEqual(
          counts["tokens_without_price"],
          backend === weaveClickhouse
            ? { cache_creation_input_tokens: 500, cache_read_input_tokens: fromCache }
            : undefined,
        );
        const counted = await rig.call(countTraces);
        assert.deepEqual([counted["total_count"], counted["root_traces_count"]], [9, 2]);
        const roots = await rig.call(queryTraces, { filters: { trace_roots_only: true } });
        assert.deepEqual(record(roots["metadata"])["token_counts"], counts);
      });

      if (client === "weave") {
        await t.step("every cost equals the one that Weave's client reads", async () => {
          const bridge = await startBridge(attach(state), project);
          try {
            const theirs = Calls.parse(await bridge.ask("calls", { include_costs: true }));
            const { traces } = await rig.call(queryTraces);
            const ours = new Map(list(traces).map((row) => [row["id"], row["costs"]]));
            assert.deepEqual(new Set(ours.keys()), new Set(theirs.map(({ id }) => id)));
            for (const { id, summary } of theirs) {
              const costs = Object.entries(summary.weave.costs ?? {});
              assert.deepEqual(
                Object.entries(ours.get(id) ?? {}).map((
                  [model, cost],
                ) => [model, record(cost)["total_cost"]]).sort(),
                costs.map(([model, cost]) => [model, sumParts(cost)]).sort(),
              );
            }
            const priced = theirs.filter(({ summary }) => summary.weave.costs !== undefined);
            assert.equal(priced.length, backend === weaveClickhouse ? 8 : 0);
          } finally {
            await bridge.stop();
          }
        });
      }

      await t.step(`${client}: OpenAI's calls are read, whole and streamed`, async () => {
        const filters = { op_name: CREATE, parent_ids: [ids.agent] };
        const { traces } = await rig.call(queryTraces, { filters, sort_direction: "asc" });
        const rows = list(traces);
        assert.equal(rows.length, 2);
        for (const [index, row] of rows.entries()) {
          const inputs = record(row["inputs"]);
          assert.deepEqual(inputs["messages"], [{ role: "user", content: "größte Stadt?" }]);
          assert.equal(inputs["model"], GPT);
          assert.equal(inputs["stream"], index === 0 ? undefined : true);
          const [choice = {}] = list(record(row["output"])["choices"]);
          assert.equal(record(choice["message"])["content"], "Zürich");
          const used = record(record(row["usage"])[GPT]);
          assert.deepEqual([used["prompt_tokens"], used["completion_tokens"]], [100, 20]);
          near(costOf(row, GPT), chat);
        }
      });

      await t.step(`${client}: Anthropic's call is read, with cached tokens`, async () => {
        const filters = { op_name: "anthropic.*" };
        const [row = {}] = list((await rig.call(queryTraces, { filters }))["traces"]);
        assert.equal(record(row["inputs"])["system"], "Be brief.");
        const [content = {}] = list(record(row["output"])["content"]);
        assert.equal(content["text"], "Bern");
        const used = record(record(row["usage"])[CLAUDE]);
        assert.deepEqual([used["input_tokens"], used["output_tokens"]], [input, 7]);
        assert.equal(used["cache_creation_input_tokens"], 500);
        assert.equal(used["cache_read_input_tokens"], 1000);
        near(costOf(row, CLAUDE), message);
      });

      await t.step(`${client}: LangChain's chain is read from prompt to model`, async () => {
        const columns = ["parent_id", "op", "usage", "inputs", "output", "costs"];
        const filters = { op_name: ["langchain.*", "chain.run"] };
        const { traces } = await rig.call(queryTraces, {
          ...{ filters, columns, sort_direction: "asc" },
        });
        const [own = {}, chain = {}, prompt = {}, model = {}] = list(traces);
        assert.deepEqual([own["id"], own["output"]], [ids.chain, "Zürich"]);
        assert.deepEqual([chain["parent_id"], chain["inputs"]], [ids.chain, {
          country: "Switzerland",
        }]);
        assert.match(JSON.stringify(prompt["output"]), /capital of Switzerland\?/);
        assert.match(JSON.stringify(model["output"]), /"text":"Zürich"/);
        for (const row of [own, chain, model]) {
          const used = record(record(row["usage"])[GPT]);
          assert.deepEqual([used["prompt_tokens"], used["requests"]], [100, 1], String(row["op"]));
          near(costOf(row, GPT), chat);
        }
      });
    }
  });
}
