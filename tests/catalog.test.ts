/** What exists with a configuration: prompts, resources and instructions follow the tools. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { countTokens } from "gpt-tokenizer/encoding/o200k_base";
import type { Catalog } from "../src/catalog.ts";
import type { Prompt } from "../src/mcp/prompts.ts";
import { fileOf } from "../scripts/graph.ts";
import { context } from "./mcp/support.ts";
import { catalogOf } from "./workflows/client.ts";

const EVERYTHING = {
  MLFLOW_TRACKING_URI: "http://localhost:5000",
  WANDB_API_KEY: "0".repeat(40),
};

/** Tools that the chains of W&B's documentation name, whether they exist yet or not. */
const TOOLS = [
  ...catalogOf(EVERYTHING).tools.map(({ name }) => name),
  "list_artifact_versions_tool",
  "compare_artifact_versions_tool",
  "create_wandb_report_tool",
  "log_analysis_to_wandb",
];

const promptNames = ({ prompts }: Catalog) => prompts.map(({ listing }) => listing.name);

/** A prompt's text with every argument given. */
function textOf({ listing, text }: Prompt): string {
  return text(Object.fromEntries(listing.arguments.map(({ name }) => [name, "given"])));
}

/** Tools that a text names as words. */
function toolsIn(text: string): string[] {
  return [...new Set(TOOLS)].filter((name) => new RegExp(`(?<!\\w)${name}(?!\\w)`).test(text));
}

Deno.test("with everything configured there is a prompt for each recommended workflow", () => {
  assert.deepEqual(promptNames(catalogOf(EVERYTHING)), [
    "debug_production_issues",
    "analyze_slow_traces",
    "assess_quality",
    "clean_up_traces",
    "explore_project",
    "diagnose_training_run",
    "triage_failing_calls",
    "compare_model_versions",
  ]);
  const { MLFLOW_TRACKING_URI: _, ...wandb } = EVERYTHING;
  assert.deepEqual(promptNames(catalogOf(wandb)), [
    "explore_project",
    "diagnose_training_run",
    "triage_failing_calls",
    "compare_model_versions",
  ]);
  assert.deepEqual(promptNames(catalogOf({})), []);
});

Deno.test("W&B and Weave report their missing shared key once", () => {
  const missing = catalogOf({}).absences.filter((text) => text.includes("WANDB_API_KEY"));
  assert.equal(missing.length, 1);
  assert.match(String(missing[0]), /^W&B and Weave tools .*api\.wandb\.ai.*netrc/);
});

Deno.test("every tool that is not listed has a reason, for every back end", async () => {
  const whole = catalogOf(EVERYTHING);
  assert.deepEqual([...await whole.absentTools()], []);
  const names = whole.tools.flatMap((tool) => [tool.name, ...tool.aliases]);
  const none = await catalogOf({}).absentTools();
  assert.deepEqual([...none.keys()].sort(), names.sort());
  assert.match(none.get("log_trace_feedback") ?? "", /MLFLOW_TRACKING_URI is not set/);
  assert.match(none.get("count_weave_traces_tool") ?? "", /WANDB_API_KEY/);
  const docs = await catalogOf({ ...EVERYTHING, WANDB_MCP_PROXY_DOCS: "false" }).absentTools();
  assert.deepEqual([...docs], [[
    "search_wandb_docs_tool",
    "search_wandb_docs_tool is not listed: WANDB_MCP_PROXY_DOCS is false.",
  ]]);
  const wrong = await catalogOf({ ...EVERYTHING, WANDBOT_BASE_URL: "nowhere" }).absentTools();
  assert.match(wrong.get("search_wandb_docs_tool") ?? "", /WANDBOT_BASE_URL/);
  const reading = await catalogOf({ ...EVERYTHING, WANDFLOW_READ_ONLY: "true" }).absentTools();
  assert.match(reading.get("delete_traces") ?? "", /read-only mode is on/);
  const fewer = await catalogOf({ ...EVERYTHING, WANDFLOW_EXCLUDE_TOOLS: "get_trace" })
    .absentTools();
  assert.match(fewer.get("get_trace") ?? "", /--exclude-tools/);
});

Deno.test("prompts leave out steps whose tools are not listed, and are left out without essential ones", () => {
  const reading = catalogOf({ ...EVERYTHING, WANDFLOW_READ_ONLY: "true" });
  assert.ok(!promptNames(reading).includes("clean_up_traces"));
  assert.ok(!promptNames(reading).includes("assess_quality"));
  assert.ok(promptNames(reading).includes("analyze_slow_traces"));
  const without = catalogOf({ ...EVERYTHING, WANDFLOW_EXCLUDE_TOOLS: "get_trace" });
  const slow = without.prompts.find(({ listing }) => listing.name === "analyze_slow_traces");
  assert.deepEqual(slow?.tools, ["search_traces"]);
  assert.deepEqual(
    without.resources.map(({ spec }) => spec.name).includes("mlflow_trace"),
    false,
  );
});

Deno.test("no prompt or chain names a tool that is not listed, with any configuration", () => {
  const names = catalogOf(EVERYTHING).tools.map(({ name }) => name);
  const kept = new Set<number>();
  fc.assert(
    fc.property(
      fc.record({
        mlflow: fc.boolean(),
        wandb: fc.boolean(),
        readOnly: fc.boolean(),
        excluded: fc.subarray(names),
      }),
      ({ mlflow, wandb, readOnly, excluded }) => {
        const there = catalogOf(env(mlflow, wandb, readOnly)).tools.map(({ name }) => name);
        const left = excluded.filter((name) => there.includes(name));
        const catalog = catalogOf({
          ...env(mlflow, wandb, readOnly),
          ...(left.length === 0 ? {} : { WANDFLOW_EXCLUDE_TOOLS: left.join(",") }),
        });
        const listed = catalog.tools.map(({ name }) => name);
        const absent = (text: string) => toolsIn(text).filter((name) => !listed.includes(name));
        kept.add(catalog.prompts.length);
        for (const prompt of catalog.prompts) {
          assert.deepEqual(absent(textOf(prompt)), [], prompt.listing.name);
          assert.deepEqual(toolsIn(textOf(prompt)).sort(), [...prompt.tools].sort());
        }
        const chains = catalog.instructions.split("\n").find((line) => line.startsWith("Chains"));
        assert.deepEqual(absent(chains ?? ""), []);
        for (const { spec } of catalog.resources) assert.ok(listed.includes(spec.tool));
      },
    ),
    { numRuns: 150 },
  );
  assert.ok(kept.size > 3, "the configurations differ in their prompts");
});

function env(mlflow: boolean, wandb: boolean, readOnly: boolean): Record<string, string> {
  const { MLFLOW_TRACKING_URI, WANDB_API_KEY } = EVERYTHING;
  return {
    ...(mlflow ? { MLFLOW_TRACKING_URI } : {}),
    ...(wandb ? { WANDB_API_KEY } : {}),
    ...(readOnly ? { WANDFLOW_READ_ONLY: "true" } : {}),
  };
}

Deno.test("every prompt is complete text, with all arguments or only the required ones", () => {
  for (const prompt of catalogOf(EVERYTHING).prompts) {
    const required = prompt.listing.arguments.filter(({ required }) => required);
    const least = prompt.text(Object.fromEntries(required.map(({ name }) => [name, "given"])));
    for (const text of [least, textOf(prompt)]) {
      assert.doesNotMatch(text, /\{\w+\}|undefined|\[object/, prompt.listing.name);
      assert.ok(countTokens(text) < 600, `${prompt.listing.name}: ${countTokens(text)} tokens`);
    }
  }
});

Deno.test("every prompt reads clients' placeholders for a missing argument as missing", () => {
  for (const { listing, text } of catalogOf(EVERYTHING).prompts) {
    const required = listing.arguments.filter(({ required }) => required)
      .map(({ name }) => [name, "given"]);
    const optional = listing.arguments.filter(({ required }) => !required);
    const least = text(Object.fromEntries(required));
    // A look back that lost its length, or a place-holder.
    assert.doesNotMatch(least, /now\(\) - (?!\d)|=""|\$/, listing.name);
    for (const left of ["", "  ", "$1", "$2", "${since}", "$ARGUMENTS"]) {
      const filled = [...required, ...optional.map(({ name }) => [name, left])];
      assert.equal(text(Object.fromEntries(filled)), least, `${listing.name} with "${left}"`);
    }
  }
});

Deno.test("a missing store file is reported, with and without a configured experiment", async () => {
  const { tools } = catalogOf({ MLFLOW_TRACKING_URI: "sqlite:////nowhere/mlflow.db" });
  const search = tools.find(({ name }) => name === "search_traces");
  for (const args of [{}, { experiment_id: "1" }, { experiment_id: "support-agent" }]) {
    await assert.rejects(async () => await search?.call(args, context()), {
      message: /There is no file .*\/nowhere\/mlflow\.db/,
    });
  }
});

Deno.test("configured defaults make arguments optional", () => {
  const { prompts } = catalogOf({
    ...EVERYTHING,
    MLFLOW_EXPERIMENT_NAME: "checkout",
    WANDB_ENTITY: "acme",
    WANDB_PROJECT: "support",
  });
  const required = prompts.flatMap(({ listing }) =>
    listing.arguments.flatMap(({ name, required }) => required ? [name] : [])
  );
  assert.deepEqual(required, ["run_id"]);
  assert.match(prompts[0]?.text({}) ?? "", /experiment_id="checkout"/);
  assert.match(prompts.at(-1)?.text({}) ?? "", /in the evaluations of acme\/support/);
});

Deno.test("the instructions name the chains and stay short", () => {
  const { instructions } = catalogOf(EVERYTHING);
  assert.match(instructions, /Failed or slow traces: search_traces → get_trace;/);
  assert.match(instructions, /get_run_history_tool → diagnose_run_tool → compare_runs_tool/);
  assert.ok(countTokens(instructions) <= 350, `${countTokens(instructions)} tokens`);
  assert.match(catalogOf({}).instructions, /MLFLOW_TRACKING_URI is not set/);
});

Deno.test("every kind of resource has an address, and is read by a read-only tool", () => {
  const { resources } = catalogOf(EVERYTHING);
  assert.deepEqual(resources.map(({ spec }) => spec.template), [
    "mlflow://traces/{trace_id}",
    "wandb://{entity}/{project}/runs/{run_id}",
    "weave://{entity}/{project}/calls/{call_id}",
    "weave://{entity}/{project}/evaluations/{evaluation_id}",
  ]);
  assert.ok(resources.every(({ tool }) => tool.effect === "read"));
});

Deno.test("arguments set by the configuration are hidden on request, and still accepted", async () => {
  const fixed = {
    MLFLOW_TRACKING_URI: `sqlite:///${fileOf("examples/mlflow.db")}`,
    MLFLOW_EXPERIMENT_NAME: "support-agent",
    WANDB_API_KEY: "0".repeat(40),
    WANDB_ENTITY: "acme",
    WANDB_PROJECT: "vision",
  };
  const argumentsIn = (env: Record<string, string>) =>
    new Set(
      catalogOf(env).tools.flatMap((tool) => Object.keys(tool.listing().inputSchema.properties)),
    );
  const hidden = ["experiment_id", "entity", "entity_name", "project", "project_name"];
  const [shown, rest] = [fixed, { ...fixed, WANDFLOW_HIDE_FIXED: "true" }].map(argumentsIn);
  assert.deepEqual(hidden.filter((name) => shown?.has(name)), hidden);
  assert.deepEqual([...shown?.difference(rest ?? new Set()) ?? []].sort(), [...hidden].sort());
  // What is not fixed stays, and nothing is hidden unasked.
  const { WANDB_PROJECT: _, ...open } = fixed;
  const names = argumentsIn({ ...open, WANDFLOW_HIDE_FIXED: "true" });
  assert.ok(names.has("project_name") && !names.has("entity_name"));
  const { tools, absentTools } = catalogOf({ ...fixed, WANDFLOW_HIDE_FIXED: "true" });
  assert.ok(!(await absentTools()).has("search_traces"));
  const search = tools.find(({ name }) => name === "search_traces");
  for (const args of [{}, { experiment_id: "support-agent" }]) {
    const outcome = await search?.call({ ...args, max_results: 1 }, context());
    assert.ok(outcome?.kind === "reply");
    assert.equal(outcome.reply.data.total_matching, 36);
  }
});
