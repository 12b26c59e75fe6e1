import { refused } from "./refuse.ts";

/** Where something is: an entity (team or user) and one of its projects. */
export interface Place {
  /** Team or user. */
  readonly entity: string;
  /** Project. */
  readonly project: string;
  /** `entity/project`, as the trace API names it. */
  readonly id: string;
}

/**
 * The place of a call: its arguments, `entity/project` in one of them, or the configured defaults.
 *
 * @throws {Failure} `invalid_arguments` when a part is known from nowhere or cannot exist.
 */
export function placeOf(
  args: { entity_name?: string | undefined; project_name?: string | undefined },
  defaults: { readonly entity: string | undefined; readonly project: string | undefined },
): Place {
  const joined = [args.project_name, args.entity_name].find((text) => text?.includes("/") === true);
  const parts = joined?.split("/") ?? [];
  if (parts.length > 2) throw refused(`"${joined}" is no entity/project.`);
  const entity = parts[0] ?? args.entity_name ?? defaults.entity ?? "";
  const project = parts[1] ?? args.project_name ?? defaults.project ?? "";
  if (entity === "") {
    throw refused("`entity_name` is missing: which team or user?", "WANDB_ENTITY sets a default.");
  }
  if (project === "") {
    throw refused(
      `\`project_name\` is missing: which of ${entity}'s?`,
      "WANDB_PROJECT sets a default.",
    );
  }
  for (const part of [entity, project]) {
    // deno-lint-ignore no-control-regex
    if (/[\u0000-\u001F\u007F]/.test(part) || /^\.{1,2}$/.test(part) || part.length > 512) {
      throw refused("The entity or project holds characters that no name has.");
    }
  }
  return { entity, project, id: `${entity}/${project}` };
}
