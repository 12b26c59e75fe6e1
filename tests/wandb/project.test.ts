import { resolveSettings } from "../../src/config/resolve.ts";
import { isFailure } from "../../src/core/failure.ts";
import type { Tool } from "../../src/mcp/tool.ts";
import { apiKeyCredentials, createAccount } from "../../src/wandb/account.ts";
import { wandbBackends } from "../../src/wandb/backend.ts";
import { createWandb } from "../../src/wandb/client.ts";
import {
  readProjectArgs,
  resolveProject,
  resolveReport,
  resolveRun,
} from "../../src/wandb/project.ts";
import type { WandbServices, WeaveServices } from "../../src/wandb/tool.ts";
import { compareRuns } from "../../src/wandb/tools/compare_runs.ts";
import { countTraces, queryTraces } from "../../src/wandb/tools/query_traces.ts";
import { createReport } from "../../src/wandb/tools/create_report.ts";
import { diagnoseRun } from "../../src/wandb/tools/diagnose_run.ts";
import { getRunHistory } from "../../src/wandb/tools/get_run_history.ts";
import { inferSchema } from "../../src/wandb/tools/infer_schema.ts";
import { listArtifactVersions } from "../../src/wandb/tools/list_artifact_versions.ts";
import { logAnalysis } from "../../src/wandb/tools/log_analysis.ts";
import { plotEvaluation } from "../../src/wandb/tools/plot_evaluation.ts";
import { plotRuns } from "../../src/wandb/tools/plot_runs.ts";
import { probeProject } from "../../src/wandb/tools/probe_project.ts";
import { queryProjects } from "../../src/wandb/tools/query_projects.ts";
import { queryWandb } from "../../src/wandb/tools/query_wandb.ts";
import { resolveRoots } from "../../src/wandb/tools/resolve_roots.ts";
import { summarizeEvaluation } from "../../src/wandb/tools/summarize_evaluation.ts";
import { createWeave } from "../../src/wandb/weave/client.ts";
import { contextFor, type Data, memoryLog } from "./harness.ts";

/** One reading of entity and project, in all spellings, in every tool of W&B and Weave. */
import assert from "node:assert/strict";

/** Arguments, and what they mean with the defaults `home` and `base`. */
const PLACES: readonly (readonly [Data, string])[] = [
  [{}, "home/base"],
  [{ entity_name: "", project_name: " " }, "home/base"],
  [{ entity_name: "team" }, "team/base"],
  [{ project_name: "cars" }, "home/cars"],
  [{ entity_name: "team", project_name: "cars" }, "team/cars"],
  [{ entity: "team", project: "cars" }, "team/cars"],
  [{ entity_name: " team ", project_name: "cars\n" }, "team/cars"],
  [{ project_name: "team/cars" }, "team/cars"],
  [{ project: "team/cars" }, "team/cars"],
  [{ entity_name: "team/cars" }, "team/cars"],
  [{ entity_name: "team", project_name: "team/cars" }, "team/cars"],
  [{ entity_name: "team/cars", project_name: "cars" }, "team/cars"],
  [{ entity_name: "team/cars", project_name: "team/cars" }, "team/cars"],
  [{ project_name: "/team/cars" }, "team/cars"],
  [{ project_name: "team/cars/" }, "team/cars"],
  [{ project_name: "https://wandb.ai/team/cars" }, "team/cars"],
  [{ entity_name: "https://wandb.ai/team" }, "team/base"],
  [{ project_name: "https://wandb.corp:8443/team/cars/runs/x?nw=1#top" }, "team/cars"],
  [{ project_name: "https://wandb.ai/team/my%20cars/weave/traces" }, "team/my cars"],
  [{ project_name: "wandb.ai/team/cars/runs/x" }, "team/cars"],
  [{ project_name: "localhost:8080/team/cars" }, "team/cars"],
  [{ project_name: "team/cars/runs/x" }, "team/cars"],
  [{ project_name: "cars.v2" }, "home/cars.v2"],
  [{ project_name: "a.b/cars" }, "a.b/cars"],
];

/** Arguments that are refused, and what the message has to say. */
const REFUSED: readonly (readonly [Data, RegExp])[] = [
  [{ project_name: "a/b/c" }, /"a\/b\/c" is not a project/],
  [{ entity_name: "a/b/c" }, /"a\/b\/c" is not a project/],
  [{ project_name: "a//b" }, /"a\/\/b" is not a project/],
  [{ project_name: "https://wandb.ai/team" }, /names an entity but no project/],
  [
    { entity_name: "a/b", project_name: "c" },
    /`(entity|entity_name)` "a\/b" and `(project|project_name)` "c" name different projects/,
  ],
  [
    { entity_name: "a", project_name: "b/c" },
    /`(entity|entity_name)` "a" and `(project|project_name)` "b\/c" name different entities/,
  ],
  [{ entity_name: "..", project_name: "c" }, /characters that no name can have/],
  [{ project_name: "a/.." }, /characters that no name can have/],
  [{ project_name: "a\u0007b" }, /characters that no name can have/],
  [{ project_name: "p".repeat(600) }, /characters that no name can have/],
];

/** Every tool that asks about one project, with what else it needs. */
const WANDB: readonly (readonly [Tool<WandbServices>, Data])[] = [
  [probeProject, {}],
  [queryWandb, {}],
  [queryWandb, {
    query: "query Q($entity: String!, $project: String!) {" +
      " project(entityName: $entity, name: $project) { name } }",
  }],
  [getRunHistory, { run_id: "x" }],
  [compareRuns, { run_ids: ["x", "y"] }],
  [diagnoseRun, { run_id: "x" }],
  [plotRuns, { run_ids: ["x"] }],
  [listArtifactVersions, { collection_name: "net" }],
  [logAnalysis, { analysis_name: "a", data: [{ x: 1 }] }],
  [createReport, { title: "t", markdown_report_text: "m" }],
];
const WEAVE: readonly (readonly [Tool<WeaveServices>, Data])[] = [
  [queryTraces, {}],
  [countTraces, {}],
  [inferSchema, {}],
  [resolveRoots, { trace_ids: ["t"] }],
  [summarizeEvaluation, {}],
  [plotEvaluation, {}],
];

/** These name what they are about in another way, or are about no project. */
const WITHOUT = [
  "list_entities_tool",
  "query_wandb_entity_projects",
  "list_registries_tool",
  "list_registry_collections_tool",
  "get_artifact_details_tool",
  "compare_artifact_versions_tool",
  "search_wandb_docs_tool",
];

const log = memoryLog([]);
const bodies: string[] = [];
const account = createAccount({
  baseUrl: new URL("http://wandb.test"),
  appUrl: new URL("http://wandb.test"),
  credentials: apiKeyCredentials("k".repeat(40), log),
  entity: "home",
  project: "base",
  timeoutMs: 5000,
  log,
  backoffMs: 0,
  transport: (_, init) => {
    bodies.push(String(init.body));
    return Promise.resolve(new Response("{}", { status: 404 }));
  },
});
const wandb = createWandb(account);
const weave = createWeave(account, new URL("http://weave.test"));

/** The first request of a call, and how the call failed. */
async function tryCall<S>(tool: Tool<S>, args: Data, services: S) {
  bodies.length = 0;
  try {
    await tool.call(args, { ...contextFor(log), ...services });
  } catch (error) {
    assert.ok(isFailure(error), String(error));
    return { body: bodies[0], failure: error };
  }
  return { body: bodies[0], failure: undefined };
}

const TOOLS = [
  ...WANDB.map(([tool, more]) => ({
    tool: tool.name,
    call: (args: Data) => tryCall(tool, { ...args, ...more }, { wandb }),
    reads: (body: string, place: string) =>
      place.split("/").every((part) => body.includes(`:${JSON.stringify(part)}`)),
  })),
  ...WEAVE.map(([tool, more]) => ({
    tool: tool.name,
    call: (args: Data) => tryCall(tool, { ...args, ...more }, { weave }),
    reads: (body: string, place: string) => body.includes(`"project_id":${JSON.stringify(place)}`),
  })),
];

Deno.test("every tool reads entity and project in every spelling", async () => {
  for (const { tool, call, reads } of TOOLS) {
    for (const [args, place] of PLACES) {
      const { body, failure } = await call(args);
      const what = `${tool} ${JSON.stringify(args)}: ${failure?.message}, sent ${body}`;
      assert.ok(body !== undefined && reads(body, place), what);
    }
  }
});

Deno.test("every tool refuses an impossible project before it sends a request", async () => {
  for (const { tool, call } of TOOLS) {
    for (const [args, message] of REFUSED) {
      const { body, failure } = await call(args);
      const what = `${tool} ${JSON.stringify(args)}: ${failure?.message}, sent ${body}`;
      assert.ok(failure?.code === "invalid_arguments" && message.test(failure.message), what);
      assert.equal(body, undefined, what);
    }
  }
});

Deno.test("the table of tools is complete", () => {
  const { settings, notes } = resolveSettings(
    new Map(),
    (name) => name === "WANDB_API_KEY" ? "k".repeat(40) : undefined,
  );
  const config = { command: "tools" as const, words: [], options: {}, settings, notes };
  const backends = wandbBackends({ ...config, home: undefined, version: "0" }, log);
  const all = backends.flatMap(({ tools }) => tools.map(({ name }) => name));
  assert.deepEqual(
    all.toSorted(),
    [
      ...new Set([...TOOLS.map(({ tool }) => tool), ...WITHOUT]),
    ].toSorted(),
  );
});

Deno.test("without arguments and defaults the message names what is missing in the tool's own terms", async () => {
  const none = { entity: undefined, project: undefined };
  assert.throws(() => resolveProject({}, none), /`entity_name` is missing: which team or user/);
  assert.throws(
    () => resolveProject({ entity_name: "a" }, none),
    /`project_name` is missing: which project of a/,
  );
  const bare = { ...wandb, ...none };
  const { failure } = await tryCall(queryWandb, { entity: "a" }, { wandb: bare });
  assert.match(failure?.message ?? "", /`project` is missing: which project of a/);
  assert.deepEqual(readProjectArgs({ project_name: "a/b" }), { entity: "a", project: "b" });
});

Deno.test("an entity is also read from a project's address", async () => {
  for (const entity of ["team", "https://wandb.ai/team/projects", "/team/cars", "team/cars"]) {
    const { body } = await tryCall(queryProjects, { entity }, { wandb });
    assert.match(body ?? "", /"e":"team"/, entity);
  }
});

Deno.test("a run is given by id, path or page address, and must not contradict the project", () => {
  const read = (id: string, args: Data = {}) => {
    const { entity, project, run } = resolveRun(args, id, wandb);
    return [entity, project, run];
  };
  assert.deepEqual(read("x1"), ["home", "base", "x1"]);
  assert.deepEqual(read(" x1 ", { project_name: "team/cars" }), ["team", "cars", "x1"]);
  for (
    const id of [
      "team/cars/x1",
      "/team/cars/runs/x1",
      "team/cars/runs/x1/",
      "wandb.ai/team/cars/runs/x1",
      "https://wandb.ai/team/cars/runs/x1/overview?nw=2",
    ]
  ) {
    assert.deepEqual(read(id), ["team", "cars", "x1"], id);
    assert.deepEqual(read(id, { entity_name: "team" }), ["team", "cars", "x1"], id);
  }
  for (const id of ["cars/x1", "https://wandb.ai/team/cars", "a/b/c/d", "a//x"]) {
    assert.throws(() => read(id), /`run_id` ".*" does not name a run/, id);
  }
  assert.throws(
    () => read("team/cars/x1", { project_name: "boats" }),
    /`project_name` "boats" and `run_id` "team\/cars\/x1" name different projects/,
  );
});

Deno.test("a report is given by id or by any form of its page's address", () => {
  const none = { entity: undefined, project: undefined };
  const read = (text: string, args = {}) => {
    const { id, report } = resolveReport(args, text, none);
    return `${id} ${report}`;
  };
  for (
    const text of [
      "https://wandb.ai/e/p/reports/A--B--Vmlldzox",
      "https://wandb.ai/e/p/reports/A-B--Vmlldzox/edit?draftId=x",
      "wandb.ai/e/p/reports/--Vmlldzox?nw=y",
      "/e/p/reports/A--Vmlldzox#top",
      "e/p/reports/A--Vmlldzox",
    ]
  ) assert.equal(read(text), "e/p Vmlldzox", text);
  const here = { entity_name: "e", project_name: "p" };
  for (const text of ["Vmlldzo5OQ", "Vmlldzo5OQ==", "A--Vmlldzo5OQ"]) {
    assert.equal(read(text, here), "e/p Vmlldzo5OQ==", text);
  }
});
