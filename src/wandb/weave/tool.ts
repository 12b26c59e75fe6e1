import * as z from "zod";
import { defineTool } from "../../mcp/define.ts";
import type { Tool, ToolSpec } from "../../mcp/tool.ts";
import type { Weave } from "./client.ts";

/** What every Weave tool works with. */
export interface WeaveServices {
  /** The client. */
  readonly weave: Weave;
}

/** Declares a tool of this back end. */
export function weaveTool<I extends z.ZodObject, O extends z.ZodObject>(
  spec: ToolSpec<WeaveServices, I, O>,
): Tool<WeaveServices> {
  return defineTool<WeaveServices, I, O>({
    ...spec,
    argumentAliases: { entity: "entity_name", project: "project_name", ...spec.argumentAliases },
  });
}

/** The arguments that say where; the configuration may give both. */
export const PLACE: {
  entity_name: z.ZodOptional<z.ZodString>;
  project_name: z.ZodOptional<z.ZodString>;
} = {
  entity_name: z.string().optional(),
  project_name: z.string().optional(),
};

/** Filters; which there are is told by the query tool's description and by refusals. */
export const FILTERS_ARGUMENT: z.ZodRecord<z.ZodString, z.ZodUnknown> = z.record(
  z.string(),
  z.unknown(),
);
