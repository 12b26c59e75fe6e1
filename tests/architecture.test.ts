/** The house of docs/DESIGN.md and the arrows in it, checked on the real module graph. */
import assert from "node:assert/strict";
import { type Arrow, arrowsFrom, reachable, sourcesIn } from "../scripts/graph.ts";

/** The folders of src with tools of their own. */
const BACK_ENDS = (await sourcesIn("src")).flatMap((path) =>
  /^src\/([^/]+)\/backend\.ts$/.exec(path)?.[1] ?? []
).filter((name) => name !== "mcp");

/** What of the protocol side a back end may know: the tool contract, not servers and transports. */
const CONTRACT = /^src\/mcp\/(tool|define|late|backend|fit|workflow|resource)\.ts$/;

/** Which parts a part may import, besides itself. `list` is the file that lists a back end's tools. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  main: ["config", "core", "version"],
  cli: ["catalog", "config", "mcp", "core", "version"],
  catalog: ["list", "config", "mcp", "core"],
  list: ["client", "tools", "config", "mcp", "http", "analysis", "core", "version"],
  tools: ["client", "analysis", "pictures", "mcp", "http", "core"],
  client: ["http", "mcp", "config", "analysis", "core", "version"],
  mcp: ["core", "version"],
  config: ["core", "version"],
  http: ["core"],
  analysis: ["core"],
  pictures: ["analysis", "core"],
  core: [],
  version: [],
};

interface Place {
  readonly part: string;
  readonly backEnd: string | undefined;
}

function placeOf(path: string): Place | undefined {
  if (path === "main.ts") return { part: "main", backEnd: undefined };
  const [root, first = "", ...rest] = path.split("/");
  if (root !== "src") return undefined;
  if (!BACK_ENDS.includes(first)) {
    return { part: first.replace(/\.ts$/, ""), backEnd: undefined };
  }
  const lists = rest.at(-1) === "backend.ts";
  return { part: lists ? "list" : rest[0] === "tools" ? "tools" : "client", backEnd: first };
}

/** What is wrong with an arrow, or undefined. */
function fault(arrow: Arrow): string | undefined {
  const from = placeOf(arrow.from);
  const to = placeOf(arrow.to);
  const shown = `${arrow.from} -> ${arrow.to}`;
  if (from === undefined) return faultBeside(arrow);
  if (to === undefined) return outside(from, arrow.to) ? undefined : `${shown}: not its business`;
  const allowed = ALLOWED[from.part];
  if (allowed === undefined) return `${shown}: "${from.part}" is no part of the design`;
  if (from.backEnd !== undefined && to.backEnd !== undefined && from.backEnd !== to.backEnd) {
    return `${shown}: back ends do not know each other`;
  }
  if (from.backEnd !== undefined && to.part === "mcp" && !CONTRACT.test(arrow.to)) {
    return `${shown}: a back end knows only the tool contract`;
  }
  return from.part === to.part || allowed.includes(to.part) ? undefined : `${shown}: points back`;
}

/** Scripts and tests may import all of src and each other, but no test is anybody's support. */
function faultBeside({ from, to }: Arrow): string | undefined {
  if (to.endsWith(".test.ts")) return `${from} -> ${to}: nobody builds on a test`;
  if (!from.startsWith("tests/support/")) return undefined;
  return to.startsWith("tests/") && !to.startsWith("tests/support/")
    ? `${from} -> ${to}: support serves all tests and knows none`
    : undefined;
}

/** Whether a part may use something that is not ours. */
function outside(from: Place, to: string): boolean {
  if (to.startsWith("node:")) return true;
  if (to === "deno.json") return from.part === "version";
  if (!to.startsWith("npm:")) return false;
  if (to.includes("@modelcontextprotocol/")) return from.part === "mcp";
  if (from.part === "cli") return /^npm:(jsonc-parser|smol-toml)@/.test(to);
  if (from.part === "config") return /^npm:ini@/.test(to);
  return !["main", "core"].includes(from.part);
}

const arrow = (from: string, to: string): Arrow => ({ from, to, dynamic: false, typeOnly: false });

Deno.test("no import between folders points the wrong way", async () => {
  const arrows = await arrowsFrom(["main.ts", ...await sourcesIn("src", "scripts", "tests")]);
  for (const folder of ["src/", "scripts/", "tests/support/"]) {
    const count = arrows.filter(({ from }) => from.startsWith(folder)).length;
    assert.ok(count > 30, `the graph has only ${count} arrows from ${folder}`);
  }
  assert.deepEqual(arrows.map(fault).filter((one) => one !== undefined), []);
});

Deno.test("an import that points the wrong way is found", () => {
  for (
    const [from, to] of [
      ["src/http/client.ts", "src/analysis/trend.ts"],
      ["src/http/client.ts", "src/mcp/tool.ts"],
      ["src/analysis/trend.ts", "src/mlflow/store.ts"],
      ["src/core/json.ts", "src/http/request.ts"],
      ["src/core/log.ts", "src/config/settings.ts"],
      ["src/config/access.ts", "src/mlflow/store.ts"],
      ["src/mcp/server.ts", "src/catalog.ts"],
      ["src/mcp/server.ts", "src/http/client.ts"],
      ["src/mlflow/store.ts", "src/mlflow/tools/get_trace.ts"],
      ["src/mlflow/tools/get_trace.ts", "src/mlflow/backend.ts"],
      ["src/mlflow/tools/get_trace.ts", "src/config/config.ts"],
      ["src/mlflow/tools/get_trace.ts", "src/mcp/server.ts"],
      ["src/mlflow/store.ts", "src/wandb/client.ts"],
      ["src/mlflow/backend.ts", "src/wandb/backend.ts"],
      ["src/mlflow/store.ts", "npm:@modelcontextprotocol/server@2.4.0"],
      ["src/config/resolve.ts", "npm:zod@4.6.7"],
      ["main.ts", "src/cli/worker.ts"],
      ["main.ts", "npm:zod@4.6.7"],
      ["src/cli/call.ts", "src/mlflow/store.ts"],
      ["src/cli/call.ts", "src/http/client.ts"],
      ["src/cli/call.ts", "npm:zod@4.6.7"],
      ["src/mlflow/store.ts", "tests/support/backend.ts"],
      ["src/mlflow/store.ts", "scripts/graph.ts"],
      ["main.ts", "scripts/flags.ts"],
      ["tests/support/backend.ts", "tests/wandb/harness.ts"],
      ["tests/support/backend.ts", "tests/catalog.test.ts"],
      ["scripts/docs.ts", "tests/catalog.test.ts"],
      ["src/unheard/of.ts", "src/core/log.ts"],
    ] as const
  ) {
    assert.notEqual(fault(arrow(from, to)), undefined, `${from} -> ${to} was let through`);
  }
  for (
    const [from, to] of [
      ["src/mlflow/tools/get_trace.ts", "src/mlflow/store.ts"],
      ["src/mlflow/tools/get_trace.ts", "src/mcp/tool.ts"],
      ["src/mlflow/store.ts", "src/http/client.ts"],
      ["src/cli/call.ts", "src/catalog.ts"],
      ["scripts/docs.ts", "src/catalog.ts"],
      ["scripts/bench.ts", "tests/support/product.ts"],
      ["tests/support/product.ts", "scripts/flags.ts"],
      ["tests/wandb/harness.ts", "tests/support/backend.ts"],
      ["src/mcp/server.ts", "npm:@modelcontextprotocol/server@2.4.0"],
    ] as const
  ) {
    assert.equal(fault(arrow(from, to)), undefined);
  }
});

Deno.test("the launcher loads nothing heavy", async () => {
  const arrows = await arrowsFrom(["main.ts"]);
  const loaded = [...reachable("main.ts", arrows, (one) => !one.typeOnly && !one.dynamic)];
  assert.ok(loaded.includes("src/config/settings.ts"), "the graph is not the launcher's");
  assert.deepEqual(loaded.filter((path) => path.startsWith("npm:")), []);
  assert.deepEqual(
    loaded.filter((path) => !/^(main\.ts|deno\.json|node:|src\/(config|core|version))/.test(path)),
    [],
  );
});
