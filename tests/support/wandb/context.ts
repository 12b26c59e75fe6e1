/** What every resolver works with. */
import { z } from "zod";
import type { Db, Project, Run, User } from "./model.ts";
import { SimError } from "./errors.ts";
import {
  type GeneratedHistory,
  generatedHistory,
  type HistorySource,
  storedHistory,
} from "./history.ts";
import { type JsonObject, lookup, parseObject } from "./json.ts";
import type { SignedUrls } from "./signing.ts";

/** Behaviour that differs between servers. */
export interface Behaviour {
  /** How non-finite numbers come back in row texts and JSON strings. */
  nonFinite: "string" | "bare";
  /** Whether `__schema` and `__type` may be asked for. */
  introspection: boolean;
  /** A running run without a sign of life for so long reads as crashed. */
  crashAfterSeconds: number;
  /** Server features that are reported as enabled. */
  features: string[];
  /** Whether every request samples anew, as the real server's `history` has been seen to do. */
  randomSampling: boolean;
  /** Whether filters and orders see configuration keys that hold a dot. */
  dottedConfigKeys: boolean;
  /** What a number compared with a time is answered with. */
  numericTimes: "error" | "nothing";
  /** Whether times end in Z. */
  zonedTimes: boolean;
  /** Whether a `sampledHistory` specification includes its `maxStep`. */
  includesMaxStep: boolean;
  /** Where an order puts runs without its field. */
  missingFields: "last" | "first";
  /** Whether a filter or order on an unknown field is an error, or finds nothing. */
  refusesUnknownFields: boolean;
  /** Whether a forked run's history holds the steps of the run that it was forked from. */
  inheritsHistory: boolean;
  /** Added to every answer. */
  delayMs: number;
}

/** The simulator as its resolvers see it. */
export interface Sim {
  readonly db: Db;
  readonly behaviour: Behaviour;
  readonly urls: SignedUrls;
  /** Generated histories by name. */
  readonly generators: Map<string, GeneratedHistory>;
  /** The history of a run. */
  history(run: Run): HistorySource;
  now(): string;
}

const Branch = z.looseObject({ run_id: z.string(), step: z.number() });

/** Makes the history reader, which keeps parsed rows until they change. */
export function historyReader(
  db: Db,
  generators: ReadonlyMap<string, GeneratedHistory>,
  behaviour: Behaviour,
): (run: Run) => HistorySource {
  const known = new Map<string, { version: number; source: HistorySource }>();
  const rowsOf = (run: Run) => db.lines.all(run.id, "history").map(({ text }) => parseObject(text));
  const inherited = (run: Run): JsonObject[] => {
    const branch = Branch.safeParse(lookup(parseObject(run.config), "_wandb.value.branch_point"));
    if (!behaviour.inheritsHistory || !branch.success) return [];
    const { run_id: name, step } = branch.data;
    const parent = db.runs.first({ project: run.project, name });
    if (parent === undefined || parent.id === run.id) return [];
    return [...inherited(parent), ...rowsOf(parent)].filter((row) => Number(row["_step"]) <= step);
  };
  return (run) => {
    if (run.generated !== null) {
      const spec = generators.get(run.generated);
      if (!spec) throw new Error(`No generator named ${run.generated}`);
      return generatedHistory(spec);
    }
    const kept = known.get(run.id);
    if (kept && kept.version === db.lines.version) return kept.source;
    const source = storedHistory([...inherited(run), ...rowsOf(run)]);
    known.set(run.id, { version: db.lines.version, source });
    return source;
  };
}

/** Whether this user may see the project. */
export function maySee(sim: Sim, user: User, project: Project): boolean {
  if (project.access === "USER_READ" || project.access === "USER_WRITE") return true;
  return belongsTo(sim, user, project.entity);
}

/** Whether this user is, or is a member of, the entity. */
export function belongsTo(sim: Sim, user: User, entity: string): boolean {
  return entity === user.username || user.teams.includes(entity) ||
    sim.db.organizations.find({ orgEntity: entity })
      .some((organization) => user.organizations.includes(organization.id));
}

/** The project, when it is there and visible. */
export function findProject(
  sim: Sim,
  user: User,
  entity: string | null | undefined,
  name: string | null | undefined,
): Project | undefined {
  const project = sim.db.projects.first({
    entity: entity || defaultEntity(user),
    name: name || "uncategorized",
  });
  return project && maySee(sim, user, project) ? project : undefined;
}

/** The same, or an error as the real server words it. */
export function needProject(
  sim: Sim,
  user: User,
  entity: string | null | undefined,
  name: string | null | undefined,
): Project {
  const project = findProject(sim, user, entity, name);
  if (!project) throw new SimError(404, `could not find project ${name} under entity ${entity}`);
  return project;
}

/** Where this user's runs go by default. */
function defaultEntity(user: User): string {
  return user.username;
}

/** Refuses users who may only read. */
export function mustWrite(sim: Sim, user: User, entity: string): void {
  if (user.readOnly || !belongsTo(sim, user, entity)) {
    throw new SimError(403, "permission denied");
  }
}
