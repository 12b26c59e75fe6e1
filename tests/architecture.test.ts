/** The rooms of docs/DESIGN.md and the arrows between them, checked on the real module graph. */
import assert from "node:assert/strict";
import { type Arrow, arrowsFrom, reachable, sourcesIn } from "../scripts/graph.ts";

const BACK_ENDS = ["mlflow", "wandb", "weave"];

/** What of the protocol side a back end may know: the tool contract, not servers and transports. */
const CONTRACT =
  /^src\/mcp\/(tool|define|bind|room|errors|schema|shrink|tokens|workflow|resource)\.ts$/;

/** Which rooms a room may import, besides itself. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  main: ["config", "version"],
  cli: ["catalog", "config", "mcp", "text", "log", "version"],
  catalog: ["room", "config", "mcp", "text", "log"],
  room: ["client", "tools", "config", "mcp", "upstream", "analysis", "text", "log", "version"],
  tools: ["client", "analysis", "mcp", "upstream", "text", "log"],
  client: ["upstream", "mcp", "config", "analysis", "text", "log", "version"],
  mcp: ["text", "log", "version"],
  config: ["text", "version"],
  upstream: [],
  analysis: [],
  text: [],
  log: [],
  version: [],
};

interface Place {
  readonly room: string;
  readonly backEnd: string | undefined;
}

function placeOf(path: string): Place | undefined {
  if (path === "main.ts") return { room: "main", backEnd: undefined };
  const [root, first = "", ...rest] = path.split("/");
  if (root !== "src") return undefined;
  if (!BACK_ENDS.includes(first)) {
    return { room: first.replace(/\.ts$/, ""), backEnd: undefined };
  }
  // These two list a back end's tools; nothing of the client may import them.
  const lists = rest.length === 1 && ["room.ts", "documents.ts"].includes(rest[0] ?? "");
  return { room: lists ? "room" : rest[0] === "tools" ? "tools" : "client", backEnd: first };
}

/** What is wrong with an arrow, or undefined. */
function fault(arrow: Arrow): string | undefined {
  const from = placeOf(arrow.from);
  const to = placeOf(arrow.to);
  const shown = `${arrow.from} -> ${arrow.to}`;
  if (from === undefined) return undefined;
  if (to === undefined) return outside(from, arrow.to) ? undefined : `${shown}: not its business`;
  const allowed = ALLOWED[from.room];
  if (allowed === undefined) return `${shown}: "${from.room}" is no room of the design`;
  if (from.backEnd !== undefined && to.backEnd !== undefined && from.backEnd !== to.backEnd) {
    return `${shown}: back ends do not know each other`;
  }
  if (from.backEnd !== undefined && to.room === "mcp" && !CONTRACT.test(arrow.to)) {
    return `${shown}: a back end knows only the tool contract`;
  }
  return from.room === to.room || allowed.includes(to.room) ? undefined : `${shown}: points back`;
}

/** Whether a room may use something that is not ours. */
function outside(from: Place, to: string): boolean {
  if (to.startsWith("node:")) return true;
  if (to === "deno.json") return from.room === "version";
  if (!to.startsWith("npm:")) return false;
  if (to.includes("@modelcontextprotocol/")) return from.room === "mcp";
  return !["main", "config", "text", "log", "cli"].includes(from.room);
}

const arrow = (from: string, to: string): Arrow => ({ from, to, dynamic: false, typeOnly: false });

Deno.test("no arrow between rooms points back", async () => {
  const arrows = await arrowsFrom(["main.ts", ...await sourcesIn("src")]);
  const inside = arrows.filter(({ from }) => placeOf(from) !== undefined);
  assert.ok(inside.length > 100, `the graph has only ${inside.length} arrows`);
  assert.deepEqual(inside.map(fault).filter((one) => one !== undefined), []);
});

Deno.test("a bad arrow would be found", () => {
  for (
    const [from, to] of [
      ["src/upstream/client.ts", "src/text/table.ts"],
      ["src/upstream/client.ts", "src/mcp/errors.ts"],
      ["src/analysis/trend.ts", "src/mlflow/store.ts"],
      ["src/text/nearest.ts", "src/log.ts"],
      ["src/log.ts", "src/config/settings.ts"],
      ["src/config/access.ts", "src/mlflow/access.ts"],
      ["src/mcp/server.ts", "src/catalog.ts"],
      ["src/mcp/server.ts", "src/upstream/client.ts"],
      ["src/mlflow/store.ts", "src/mlflow/tools/get_trace.ts"],
      ["src/mlflow/tools/get_trace.ts", "src/mlflow/room.ts"],
      ["src/mlflow/tools/get_trace.ts", "src/config/config.ts"],
      ["src/mlflow/tools/get_trace.ts", "src/mcp/server.ts"],
      ["src/mlflow/store.ts", "src/wandb/client.ts"],
      ["src/weave/room.ts", "src/wandb/room.ts"],
      ["src/mlflow/store.ts", "npm:@modelcontextprotocol/server@2.4.0"],
      ["src/config/values.ts", "npm:zod@4.6.7"],
      ["main.ts", "src/cli/worker.ts"],
      ["main.ts", "npm:zod@4.6.7"],
      ["src/cli/call.ts", "src/mlflow/store.ts"],
      ["src/cli/call.ts", "src/upstream/client.ts"],
      ["src/mlflow/store.ts", "tests/support/backend.ts"],
      ["src/unheard/of.ts", "src/log.ts"],
    ] as const
  ) {
    assert.notEqual(fault(arrow(from, to)), undefined, `${from} -> ${to} was let through`);
  }
  for (
    const [from, to] of [
      ["src/mlflow/tools/get_trace.ts", "src/mlflow/store.ts"],
      ["src/mlflow/tools/get_trace.ts", "src/mcp/tool.ts"],
      ["src/mlflow/store.ts", "src/upstream/client.ts"],
      ["src/cli/call.ts", "src/catalog.ts"],
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
    loaded.filter((path) => !/^(main\.ts|deno\.json|node:|src\/(config|text|version))/.test(path)),
    [],
  );
});
