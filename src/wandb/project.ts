/**
 * Which entity, project and run a call means, in all spellings that people and pages have for them.
 *
 * @module
 */
import * as z from "zod";
import { badArgument, shortenName } from "../core/failure.ts";
import { decodePercent } from "../core/values.ts";

/** A project. */
export interface ProjectRef {
  readonly entity: string;
  readonly project: string;
  /** `entity/project`. */
  readonly id: string;
}

/** A run. */
export interface RunRef extends ProjectRef {
  readonly run: string;
}

/** What a call means when it does not say. */
export interface Defaults {
  readonly entity: string | undefined;
  readonly project: string | undefined;
}

/** The arguments that name a project; the configuration may give both. */
export const PROJECT_ARGS: {
  entity_name: z.ZodOptional<z.ZodString>;
  project_name: z.ZodOptional<z.ZodString>;
} = { entity_name: z.string().optional(), project_name: z.string().optional() };

/** {@link PROJECT_ARGS} of a call. */
export interface ProjectArgs {
  /** Team or user, or a whole project. */
  readonly entity_name?: string | undefined;
  readonly project_name?: string | undefined;
}

/** What a tool calls its two arguments. */
type Names = Readonly<Record<"entity" | "project", string>>;

const LONG_NAMES: Names = { entity: "entity_name", project: "project_name" };

/** {@link Names} of tools that list the short ones. */
export const SHORT_NAMES: Names = { entity: "entity", project: "project" };

/** What an argument says, and which it is. */
interface Said {
  readonly argument: string;
  readonly text: string;
  readonly entity?: string | undefined;
  readonly project?: string | undefined;
  readonly run?: string | undefined;
}

/**
 * The project of a call: its arguments, each alone or `entity/project` or a page's address, else
 * the configured defaults.
 *
 * @throws {Failure} `invalid_arguments` when a part is known from nowhere, cannot exist, or is said
 * twice and differently.
 */
export function resolveProject(
  args: ProjectArgs,
  defaults: Defaults,
  names: Names = LONG_NAMES,
): ProjectRef {
  return combine(readArgs(args, names), defaults, names);
}

/** What the arguments of a call, and the defaults, say of a project; each part may be unknown. */
export function readProjectArgs(
  args: ProjectArgs,
  defaults: Defaults = { entity: undefined, project: undefined },
  names: Names = LONG_NAMES,
): Defaults {
  return resolveParts(readArgs(args, names), defaults);
}

/** The run of a call: its short id, `entity/project/id`, or its page's address. */
export function resolveRun(
  args: ProjectArgs,
  runId: string,
  defaults: Defaults,
  { argument = "run_id", names = LONG_NAMES }: { argument?: string; names?: Names } = {},
): RunRef {
  const said = readRun(runId, argument);
  const { run } = said;
  if (run === undefined) {
    throw badArgument(
      `\`${argument}\` "${shortenName(runId)}" names no run.`,
      "Give the run's short id, entity/project/id, or the address of its page.",
    );
  }
  return { ...combine([...readArgs(args, names), said], defaults, names), run };
}

/** The report of a call: its id, or its page's address, which ends in it without its padding. */
export function resolveReport(
  args: ProjectArgs,
  report: string,
  defaults: Defaults,
): ProjectRef & { readonly report: string } {
  const { path } = split(report);
  const [entity, project, page, slug] = path;
  const isAddress = path.length > 1;
  const last = (isAddress ? slug : entity) ?? "";
  const bare = last.replace(/^.*--/s, "").replace(/(?<!=)=+$/, "");
  if (!/^[A-Za-z0-9+_-]+$/.test(bare) || (isAddress && page !== "reports")) {
    throw badArgument("`report_id` is not an id or the address of a report.");
  }
  const said = isAddress ? [{ argument: "report_id", text: report, entity, project }] : [];
  return {
    ...combine([...readArgs(args, LONG_NAMES), ...said], defaults, LONG_NAMES),
    report: bare.padEnd(Math.ceil(bare.length / 4) * 4, "="),
  };
}

/** An entity that is named alone; of a project's address its entity. */
export function resolveEntity(text: string, argument: string): string {
  const entity = readProject(text, argument, "entity").entity ?? "";
  checkName(entity);
  return entity;
}

function readArgs(args: ProjectArgs, names: Names): Said[] {
  const { entity_name: entity, project_name: project } = args;
  return [
    ...(entity === undefined ? [] : [readProject(entity, names.entity, "entity")]),
    ...(project === undefined ? [] : [readProject(project, names.project, "project")]),
  ];
}

function combine(said: readonly Said[], defaults: Defaults, names: Names): ProjectRef {
  const { entity, project } = resolveParts(said, defaults);
  if (entity === undefined) {
    throw badArgument(
      `\`${names.entity}\` is missing: which team or user?`,
      "list_entities_tool names them; WANDB_ENTITY sets a default.",
    );
  }
  if (project === undefined) {
    throw badArgument(
      `\`${names.project}\` is missing: which of ${entity}'s?`,
      "query_wandb_entity_projects names them; WANDB_PROJECT sets a default.",
    );
  }
  return { entity, project, id: `${entity}/${project}` };
}

function resolveParts(said: readonly Said[], defaults: Defaults): Defaults {
  const entity = findAgreed(said, "entity") ?? defaults.entity;
  const project = findAgreed(said, "project") ?? defaults.project;
  for (const name of [entity, project]) if (name !== undefined) checkName(name);
  return { entity, project };
}

/** The value that all arguments naming this part agree on. */
function findAgreed(said: readonly Said[], part: "entity" | "project"): string | undefined {
  const [first, ...others] = said.filter((one) => one[part] !== undefined);
  const other = others.find((one) => one[part] !== first?.[part]);
  if (first === undefined || other === undefined) return first?.[part];
  throw badArgument(
    `\`${first.argument}\` "${shortenName(first.text)}" and \`${other.argument}\` ` +
      `"${shortenName(other.text)}" name different ${part === "entity" ? "entities" : "projects"}.`,
    "Give one of them, or make them agree.",
  );
}

/** What follows the project in the address of a page. */
const PAGES =
  /^(runs|sweeps|reports|artifacts|weave|workspace|overview|table|groups|jobs|models|settings|panel)$/;

/** A name alone, `entity/project`, or a page's address. */
function readProject(text: string, argument: string, alone: "entity" | "project"): Said {
  const { path, address } = split(text);
  const [first = "", second, page] = path;
  if (second === undefined) {
    if (!address || alone === "entity") return { argument, text, [alone]: first };
    throw badArgument(`\`${argument}\` "${shortenName(text)}" names an entity and no project.`);
  }
  const isPage = page === undefined || PAGES.test(page) || /^https?:/i.test(text.trim());
  if (!isPage || path.includes("")) {
    throw badArgument(
      `\`${argument}\` "${shortenName(text)}" is not a project.`,
      "Write entity/project, or the address of the project's page.",
    );
  }
  return { argument, text, entity: first, project: second };
}

function readRun(text: string, argument: string): Said {
  const { path } = split(text);
  const [first, second, third, fourth] = path;
  const [entity, project, run] = third === "runs"
    ? [first, second, fourth]
    : [first, second, third];
  const name = { argument, text };
  if (path.length === 1) return { ...name, run: first };
  return path.includes("") || (third !== "runs" && path.length !== 3)
    ? name
    : { ...name, entity, project, run };
}

/** The parts of a path or address, and whether it is an address: a URL, `/a/b`, `host/a/b`. */
function split(text: string): { path: string[]; address: boolean } {
  const trimmed = text.trim();
  const url = /^https?:\/\//i.test(trimmed) ? URL.parse(trimmed) : null;
  // A page's address without its scheme has a query, too; names have none.
  const [before = ""] = trimmed.split(/[?#]/, 1);
  const plain = before.includes("/") ? before : trimmed;
  const whole = (url?.pathname ?? plain).replace(/^\/+|(?<!\/)\/+$/g, "");
  const path = whole.split("/").map((part) => url === null ? part.trim() : decodePercent(part));
  const isHost = url === null && path.length > 2 &&
    /^(localhost|[\w-]+(\.[\w-]+)+)(:\d+)?$|^localhost:\d+$/.test(path[0] ?? "");
  if (isHost) path.shift();
  return { path, address: url !== null || isHost || trimmed.startsWith("/") };
}

function checkName(name: string): void {
  // deno-lint-ignore no-control-regex
  const broken = /[\u0000-\u001F\u007F-\u009F]/.test(name) || !name.isWellFormed();
  if (!broken && name !== "" && !/^\.{1,2}$/.test(name) && name.length <= 512) return;
  throw badArgument("The entity or project holds characters that no name has.");
}
