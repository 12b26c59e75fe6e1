import * as z from "zod";

export { PROJECT_ARGS as PLACE } from "../project.ts";
export { wandbTool as weaveTool, type WeaveServices } from "../tool.ts";

/** Filters; which there are is told by the query tool's description and by refusals. */
export const FILTERS_ARGUMENT: z.ZodRecord<z.ZodString, z.ZodUnknown> = z.record(
  z.string(),
  z.unknown(),
);
