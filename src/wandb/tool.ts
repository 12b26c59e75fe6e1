import { Failure } from "../core/failure.ts";
import * as z from "zod";
import { defineTool } from "../mcp/define.ts";
import type { Tool, ToolSpec } from "../mcp/tool.ts";
import type { Wandb } from "./client.ts";

/** What every W&B tool works with. */
export interface WandbServices {
  /** The client. */
  readonly wandb: Wandb;
}

/** Declares a tool of this back end. */
export function wandbTool<I extends z.ZodObject, O extends z.ZodObject>(
  spec: ToolSpec<WandbServices, I, O>,
): Tool<WandbServices> {
  return defineTool<WandbServices, I, O>(spec);
}

/** Where something is: an entity (team or user) and one of its projects. */
export interface Place {
  /** Team or user. */
  readonly entity: string;
  /** Project. */
  readonly project: string;
}

/** Likely other names of the arguments that say where. */
export const PLACE_ALIASES = {
  entity: "entity_name",
  project: "project_name",
} as const;

/** The arguments that say where; the configuration may give both. */
export const PLACE: {
  entity_name: z.ZodOptional<z.ZodString>;
  project_name: z.ZodOptional<z.ZodString>;
} = {
  entity_name: z.string().min(1).optional(),
  project_name: z.string().min(1).optional(),
};

/**
 * The entity and project of a call: its arguments, `entity/project` in one of them, or the
 * configured defaults.
 *
 * @throws {Failure} `invalid_arguments` when one of them is known from nowhere.
 */
export function placeOf(
  args: { entity_name?: string | undefined; project_name?: string | undefined },
  wandb: Wandb,
): Place {
  const joined = [args.project_name, args.entity_name].find((text) => text?.includes("/") === true);
  const parts = joined?.split("/") ?? [];
  const entity = parts[0] ?? args.entity_name ?? wandb.entity;
  const project = parts[1] ?? args.project_name ?? wandb.project;
  if (entity === undefined || entity === "") {
    throw new Failure("invalid_arguments", "`entity_name` is missing: which team or user?", {
      hint: "list_entities_tool names them; WANDB_ENTITY sets a default.",
    });
  }
  if (project === undefined || project === "") {
    throw new Failure("invalid_arguments", `\`project_name\` is missing: which of ${entity}'s?`, {
      hint: "query_wandb_entity_projects names them; WANDB_PROJECT sets a default.",
    });
  }
  return { entity, project };
}

/** What a result says of the parts that the server could not give; nothing for a whole answer. */
export function warningsOf(problems: readonly string[]): { warnings?: string[] } {
  return problems.length === 0
    ? {}
    : { warnings: problems.map((problem) => `W&B reported: ${problem}; that part is missing.`) };
}

/** A result's `note` from what there is to say; nothing for nothing. */
export function noteOf(...parts: readonly (string | undefined)[]): { note?: string } {
  const said = parts.filter((part) => part !== undefined);
  return said.length === 0 ? {} : { note: said.join(" ") };
}
