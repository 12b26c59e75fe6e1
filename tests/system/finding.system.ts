/** What the searches of real clients find, which hide tools behind them. */
import assert from "node:assert/strict";
import { type Agent, ask, claude, codex, qwen } from "./agents.ts";
import { makeHome } from "./home.ts";
import type { AskedTurn } from "./model/model.ts";

const EVERYTHING = { MLFLOW_TRACKING_URI: "http://127.0.0.1:1", WANDB_API_KEY: "0".repeat(40) };

/** Codex hides tools only from models that it knows. */
const searching: Agent = {
  ...codex,
  setModel: async (home, model) => {
    await codex.setModel(home, model);
    const path = ".codex/config.toml";
    const settings = await Deno.readTextFile(`${home.dir}/${path}`);
    assert.ok(settings.includes('model = "scripted"'));
    await home.write(path, settings.replace('model = "scripted"', 'model = "gpt-5.5"'));
  },
};

/** Searches with a client's own tool; gives what was found by each query, and the first turn. */
async function search(
  agent: Agent,
  tool: string,
  queries: readonly string[],
): Promise<{ found: readonly (readonly string[])[]; first: AskedTurn }> {
  await using home = await makeHome();
  await agent.setServer(home, { command: home.wandflow, args: ["stdio"], env: EVERYTHING });
  const asIs: Agent = { ...agent, script: (calls) => calls };
  const { answers, turns: [first], output } = await ask(
    asIs,
    home,
    queries.map((query) => ({ tool, arguments: { query } })),
  );
  assert.ok(first !== undefined && answers.length === queries.length, output);
  return { found: answers.map(toolsIn), first };
}

/** The names of our tools in a text, in order. */
function toolsIn(text: string): string[] {
  const names = [...text.matchAll(/"(?:tool_)?name\\*":\s*\\*"(?:mcp__wandflow__)?(\w+)/g)]
    .map(([, name = ""]) => name);
  return [...new Set(names)].filter((name) => name !== "mcp__wandflow");
}

/** Queries, and what has to be among the first five. */
const QUERIES: readonly (readonly [query: string, tool: string])[] = [
  ["wandb report", "create_wandb_report_tool"],
  ["compare runs", "compare_runs_tool"],
  ["mlflow trace spans", "get_trace"],
  ["log feedback score", "log_feedback"],
  ["weave evaluation results", "summarize_evaluation_tool"],
  ["artifact versions", "list_artifact_versions_tool"],
];

for (
  const [agent, tool] of [[claude, "ToolSearch"], [searching, "tool_search"], [
    qwen,
    "tool_search",
  ]] as const
) {
  Deno.test(`${agent.name}: its own search finds the tools by their purpose`, async () => {
    const queries = [...QUERIES.map(([query]) => query), "wandb", "mlflow"];
    const { found, first } = await search(agent, tool, queries);
    const visible = first.tools.map(({ name }) => name.replace("mcp__wandflow__", ""));
    for (const [index, [query, right]] of QUERIES.entries()) {
      const names = [...visible, ...found[index]?.slice(0, 5) ?? []];
      assert.ok(names.includes(right), `${query}: ${found[index]}`);
    }
    const [wandb = [], mlflow = []] = found.slice(-2);
    assert.ok(wandb.some((name) => name.includes("wandb")), String(wandb));
    assert.ok(mlflow.some((name) => MLFLOW.includes(name)), String(mlflow));
  });
}

const MLFLOW = [
  "get_trace",
  "get_assessment",
  "search_traces",
  "log_feedback",
  "delete_assessment",
];

Deno.test("codex: the server's description begins with both trackers and what can be asked", async () => {
  await using home = await makeHome();
  await searching.setServer(home, { command: home.wandflow, args: ["stdio"], env: EVERYTHING });
  const asIs: Agent = { ...searching, script: (calls) => calls };
  const { answers: [answer = ""], output } = await ask(asIs, home, [
    { tool: "tool_search", arguments: { query: "failed traces" } },
  ]);
  const [, described = ""] = /"description":"((?:[^"\\]|\\.)*)"/.exec(answer) ?? [];
  const [line = ""] = described.split("\\n");
  for (const word of ["MLflow", "W&B", "wandb", "Weave", "traces", "runs"]) {
    assert.ok(line.includes(word), `${word} in ${line || output}`);
  }
});

Deno.test("claude: the model sees from the start the tools that begin a chain", async () => {
  await using home = await makeHome();
  await claude.setServer(home, { command: home.wandflow, args: ["stdio"], env: EVERYTHING });
  const { turns: [first], output } = await ask(claude, home, []);
  const names = first?.tools.map(({ name }) => name).filter((name) => name.includes("wandflow"));
  assert.deepEqual(
    names?.sort(),
    ["query_wandb_tool", "query_weave_traces_tool", "search_traces"].map((name) =>
      `mcp__wandflow__${name}`
    ),
    output,
  );
});
