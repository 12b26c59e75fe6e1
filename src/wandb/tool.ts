import type * as z from "zod";
import { shortenMessage } from "../core/values.ts";
import { defineTool } from "../mcp/define.ts";
import { type ResourceSpec, writeResourceUri } from "../mcp/resource.ts";
import type { ResultLink, Tool, ToolSpec } from "../mcp/tool.ts";
import type { Wandb } from "./client.ts";
import type { Weave } from "./weave/client.ts";

/** What tools for W&B's API need. */
export interface WandbServices {
  readonly wandb: Wandb;
}

/** What tools for Weave's trace server need. */
export interface WeaveServices {
  readonly weave: Weave;
}

/** Other spellings of values, by argument. */
type ValueAliases = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** Declares a tool of this back end; `entity` and `project` each have two names. */
export function wandbTool<S, I extends z.ZodObject, O extends z.ZodObject>(
  { valueAliases, ...spec }: ToolSpec<S, I, O> & { readonly valueAliases?: ValueAliases },
): Tool<S> {
  const pairs = [["entity", "entity_name"], ["project", "project_name"]] as const;
  const aliases = pairs.flatMap(([short, long]) => {
    const { shape } = spec.input;
    return long in shape ? [[short, long]] : short in shape ? [[long, short]] : [];
  });
  const argumentAliases = { ...Object.fromEntries(aliases), ...spec.argumentAliases };
  const tool = defineTool<S, I, O>({ ...spec, argumentAliases });
  if (valueAliases === undefined) return tool;
  return { ...tool, call: (raw, context) => tool.call(replaceAliases(raw, valueAliases), context) };
}

function replaceAliases(raw: unknown, aliases: ValueAliases): unknown {
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) return raw;
  return Object.fromEntries(
    Object.entries(raw).map(([name, value]) => {
      const known = typeof value === "string" ? aliases[name] : undefined;
      const word = String(value).trim().toLowerCase();
      return [name, known !== undefined && Object.hasOwn(known, word) ? known[word] : value];
    }),
  );
}

/** A result's `warnings` about parts that the server failed to return; nothing without problems. */
export function reportProblems(problems: readonly string[]): { warnings?: string[] } {
  return problems.length === 0 ? {} : {
    warnings: problems.map((problem) =>
      shortenMessage(`W&B reported: ${problem}; that part is missing.`)
    ),
  };
}

/** A result's `note` made of these sentences; nothing without any. */
export function writeNote(...parts: readonly (string | undefined)[]): { note?: string } {
  const sentences = parts.filter((part) => part !== undefined);
  return sentences.length === 0 ? {} : { note: shortenMessage(sentences.join(" ")) };
}

/** Runs as MCP resources. */
export const RUN_RESOURCE: ResourceSpec = {
  name: "wandb_run",
  title: "W&B run",
  description: "One W&B run: state, config, summary metrics, metadata.",
  template: "wandb://{entity}/{project}/runs/{run_id}",
  tool: "query_wandb_tool",
  args: ({ entity, project, run_id }) => ({
    entity,
    project,
    resource: "runs",
    run_id,
    limit: 1,
    fields: [
      ...["id", "name", "state", "created_at", "heartbeat_at", "tags", "group", "job_type", "user"],
      ...["sweep", "host", "commit", "notes", "url", "config", "summary"],
    ],
  }),
  found: ({ count }) => count !== 0,
};

/** A link to a run's MCP resource; the results themselves have its web page. */
export function runLinks(
  place: { readonly entity: string; readonly project: string },
  runId: string,
): ResultLink[] {
  const { entity, project } = place;
  const uri = writeResourceUri(RUN_RESOURCE.template, { entity, project, run_id: runId });
  return uri === undefined ? [] : [{ uri, name: `Run ${runId}` }];
}
