/**
 * Which entity, project and run a call means, in every spelling that people and pages use.
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
interface RunRef extends ProjectRef {
  readonly run: string;
}

/** The default project, for calls that name none. */
export interface Defaults {
  readonly entity: string | undefined;
  readonly project: string | undefined;
}

/** The arguments that name a project; optional, since the configuration may supply both. */
export const PROJECT_ARGS: {
  entity_name: z.ZodOptional<z.ZodString>;
  project_name: z.ZodOptional<z.ZodString>;
} = { entity_name: z.string().optional(), project_name: z.string().optional() };

/** A call's values for {@link PROJECT_ARGS}. */
export interface ProjectArgs {
  /** A team or user, or `entity/project`. */
  readonly entity_name?: string | undefined;
  readonly project_name?: string | undefined;
}

/** A tool's names for the two arguments. */
type Names = Readonly<Record<"entity" | "project", string>>;

const LONG_NAMES: Names = { entity: "entity_name", project: "project_name" };

/** The {@link Names} of tools with the short form. */
export const SHORT_NAMES: Names = { entity: "entity", project: "project" };

/** The parts that one argument names. */
interface Said {
  readonly argument: string;
  readonly text: string;
  readonly entity?: string | undefined;
  readonly project?: string | undefined;
  readonly run?: string | undefined;
}

/**
 * The project of a call, from its arguments (each a name, `entity/project` or a page's address) and
 * the configured defaults.
 *
 * @throws {Failure} `invalid_arguments` when a part is missing, cannot exist, or is given twice
 * with different values.
 */
export function resolveProject(
  args: ProjectArgs,
  defaults: Defaults,
  names: Names = LONG_NAMES,
): ProjectRef {
  return combine(readArgs(args, names), defaults, names);
}

/** The parts of a project that a call's arguments and the defaults give; either may be missing. */
export function readProjectArgs(
  args: ProjectArgs,
  defaults: Defaults = { entity: undefined, project: undefined },
  names: Names = LONG_NAMES,
): Defaults {
  return resolveParts(readArgs(args, names), defaults);
}

/** The run of a call, from its short id, `entity/project/id` or its page's address. */
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
      `\`${argument}\` "${shortenName(runId)}" does not name a run.`,
      "Give the run's short id, entity/project/id, or the address of its page.",
    );
  }
  return { ...combine([...readArgs(args, names), said], defaults, names), run };
}

/** The report of a call, from its id or its page's address, which ends in the unpadded id. */
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

/** An entity named without a project; a project's address yields its entity. */
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
      "list_entities_tool lists them; WANDB_ENTITY sets a default.",
    );
  }
  if (project === undefined) {
    throw badArgument(
      `\`${names.project}\` is missing: which project of ${entity}?`,
      "query_wandb_entity_projects lists them; WANDB_PROJECT sets a default.",
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

/** The value on which all arguments that name this part agree. */
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

/** Reads a bare name, `entity/project`, or a page's address. */
function readProject(text: string, argument: string, alone: "entity" | "project"): Said {
  const { path, address } = split(text);
  const [first = "", second, page] = path;
  if (second === undefined) {
    if (!address || alone === "entity") return { argument, text, [alone]: first };
    throw badArgument(`\`${argument}\` "${shortenName(text)}" names an entity but no project.`);
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

/** Splits a path; also says whether it is an address: a URL, `/a/b` or `host/a/b`. */
function split(text: string): { path: string[]; address: boolean } {
  const trimmed = text.trim();
  const url = /^https?:\/\//i.test(trimmed) ? URL.parse(trimmed) : null;
  // An address without its scheme may have a query too; names have none.
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
  throw badArgument("The entity or project contains characters that no name can have.");
}
