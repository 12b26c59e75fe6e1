/** What the simulator keeps, and the database that keeps it. */
import { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import { Blobs, Counters, Lines, Table } from "./store.ts";

const text = z.string().nullable().default(null);

/** Shape of a kept user. */
export const UserDoc = z.object({
  id: z.string(),
  username: z.string(),
  name: z.string(),
  email: z.string(),
  teams: z.array(z.string()),
  organizations: z.array(z.string()),
  readOnly: z.boolean(),
});
/** Shape of a kept entity. */
export const EntityDoc = z.object({
  id: z.string(),
  name: z.string(),
  kind: z.enum(["user", "team", "organization"]),
  organization: text,
});
/** Shape of a kept organization. */
export const OrganizationDoc = z.object({
  id: z.string(),
  name: z.string(),
  orgEntity: z.string(),
});
/** Shape of a kept project. */
export const ProjectDoc = z.object({
  id: z.string(),
  internalId: z.number(),
  name: z.string(),
  entity: z.string(),
  description: text,
  access: z.string(),
  views: z.unknown().optional(),
  createdAt: z.string(),
  updatedAt: z.string(),
  username: z.string(),
  allowAllTypes: z.boolean(),
});
/** Shape of a kept run. */
export const RunDoc = z.object({
  id: z.string(),
  seq: z.number(),
  name: z.string(),
  project: z.string(),
  displayName: z.string(),
  description: text,
  notes: text,
  state: z.string(),
  group: text,
  jobType: text,
  tags: z.array(z.string()),
  commit: text,
  host: text,
  program: text,
  repo: text,
  /** JSON text */
  config: z.string(),
  /** JSON text */
  summary: z.string(),
  sweep: text,
  agent: text,
  username: z.string(),
  createdAt: z.string(),
  updatedAt: z.string(),
  heartbeatAt: z.string(),
  exitcode: z.number().nullable(),
  stopped: z.boolean(),
  /** Name of the generator that the history comes from. */
  generated: text,
});
/** Shape of a kept file. */
export const FileDoc = z.object({
  id: z.string(),
  run: z.string(),
  name: z.string(),
  blob: z.string(),
  size: z.number(),
  md5: z.string(),
  updatedAt: z.string(),
});
/** Shape of a kept sweep. */
export const SweepDoc = z.object({
  id: z.string(),
  name: z.string(),
  project: z.string(),
  displayName: text,
  description: text,
  state: z.string(),
  /** YAML text */
  config: z.string(),
  controller: text,
  scheduler: text,
  username: z.string(),
  createdAt: z.string(),
  updatedAt: z.string(),
  heartbeatAt: text,
  handedOut: z.number(),
});
/** Shape of a kept agent. */
export const AgentDoc = z.object({
  id: z.string(),
  sweep: z.string(),
  host: z.string(),
  createdAt: z.string(),
  heartbeatAt: z.string(),
});
/** Shape of a kept view. */
export const ViewDoc = z.object({
  id: z.string(),
  project: z.string(),
  name: z.string(),
  displayName: text,
  description: text,
  type: z.string(),
  spec: z.string(),
  username: z.string(),
  createdAt: z.string(),
  updatedAt: z.string(),
  createdUsing: z.string(),
  locked: z.boolean(),
  previewUrl: text,
  coverUrl: text,
});
/** Shape of a kept type. */
export const TypeDoc = z.object({
  id: z.string(),
  project: z.string(),
  name: z.string(),
  description: text,
  createdAt: z.string(),
});
/** Shape of a kept collection. */
export const CollectionDoc = z.object({
  id: z.string(),
  project: z.string(),
  kind: z.enum(["SEQUENCE", "PORTFOLIO"]),
  type: z.string(),
  name: z.string(),
  description: text,
  tags: z.array(z.string()),
  clientID: text,
  createdAt: z.string(),
  updatedAt: z.string(),
});
/** Shape of a kept artifact. */
export const ArtifactDoc = z.object({
  id: z.string(),
  sequence: z.string(),
  clientID: text,
  state: z.enum(["PENDING", "COMMITTED", "DELETED"]),
  digest: z.string(),
  description: text,
  metadata: text,
  tags: z.array(z.string()),
  size: z.number(),
  fileCount: z.number(),
  createdAt: z.string(),
  updatedAt: z.string(),
  run: text,
  username: z.string(),
  historyStep: z.number().nullable(),
  ttl: z.number(),
  /** Aliases to give once committed. */
  wanted: z.array(z.string()),
  manifest: text,
});
/** Shape of a kept membership. */
export const MembershipDoc = z.object({
  id: z.string(),
  collection: z.string(),
  artifact: z.string(),
  versionIndex: z.number(),
  aliases: z.array(z.string()),
  createdAt: z.string(),
});
/** Shape of a kept manifest. */
export const ManifestDoc = z.object({
  id: z.string(),
  artifact: z.string(),
  name: z.string(),
  digest: z.string(),
  type: z.string(),
  createdAt: z.string(),
});
/** Shape of a kept entry. */
export const EntryDoc = z.object({
  id: z.string(),
  artifact: z.string(),
  path: z.string(),
  /** As in the manifest: base64 MD5, or an ETag for a reference. */
  digest: z.string(),
  size: z.number(),
  ref: text,
});
/** Shape of a kept use. */
export const UseDoc = z.object({
  id: z.string(),
  run: z.string(),
  artifact: z.string(),
  usedAs: text,
});

/** A kept user. */
export type User = z.infer<typeof UserDoc>;
/** A kept entity. */
export type Entity = z.infer<typeof EntityDoc>;
/** A kept organization. */
export type Organization = z.infer<typeof OrganizationDoc>;
/** A kept project. */
export type Project = z.infer<typeof ProjectDoc>;
/** A kept run. */
export type Run = z.infer<typeof RunDoc>;
/** A kept runfile. */
export type RunFile = z.infer<typeof FileDoc>;
/** A kept sweep. */
export type Sweep = z.infer<typeof SweepDoc>;
/** A kept agent. */
export type Agent = z.infer<typeof AgentDoc>;
/** A kept view. */
export type View = z.infer<typeof ViewDoc>;
/** A kept artifacttype. */
export type ArtifactType = z.infer<typeof TypeDoc>;
/** A kept collection. */
export type Collection = z.infer<typeof CollectionDoc>;
/** A kept artifact. */
export type Artifact = z.infer<typeof ArtifactDoc>;
/** A kept membership. */
export type Membership = z.infer<typeof MembershipDoc>;
/** A kept manifest. */
export type Manifest = z.infer<typeof ManifestDoc>;
/** A kept entry. */
export type Entry = z.infer<typeof EntryDoc>;

/** All of the simulator's state. */
export class Db {
  readonly sqlite: DatabaseSync;
  readonly users: Table<User>;
  readonly entities: Table<Entity>;
  readonly organizations: Table<Organization>;
  readonly projects: Table<Project>;
  readonly runs: Table<Run>;
  readonly files: Table<RunFile>;
  readonly sweeps: Table<Sweep>;
  readonly agents: Table<Agent>;
  readonly views: Table<View>;
  readonly types: Table<ArtifactType>;
  readonly collections: Table<Collection>;
  readonly artifacts: Table<Artifact>;
  readonly memberships: Table<Membership>;
  readonly manifests: Table<Manifest>;
  readonly entries: Table<Entry>;
  readonly uses: Table<z.infer<typeof UseDoc>>;
  readonly lines: Lines;
  readonly blobs: Blobs;
  readonly counters: Counters;

  /** @param path A file, or ":memory:". */
  constructor(path: string) {
    const db = new DatabaseSync(path);
    db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF");
    this.sqlite = db;
    this.users = new Table(db, "users", UserDoc, ["username"]);
    this.entities = new Table(db, "entities", EntityDoc, ["name"]);
    this.organizations = new Table(db, "organizations", OrganizationDoc, ["name", "orgEntity"]);
    this.projects = new Table(db, "projects", ProjectDoc, ["entity", "name"]);
    this.runs = new Table(db, "runs", RunDoc, ["project", "name", "sweep"]);
    this.files = new Table(db, "files", FileDoc, ["run"]);
    this.sweeps = new Table(db, "sweeps", SweepDoc, ["project"]);
    this.agents = new Table(db, "agents", AgentDoc, ["sweep"]);
    this.views = new Table(db, "views", ViewDoc, ["project"]);
    this.types = new Table(db, "types", TypeDoc, ["project"]);
    this.collections = new Table(db, "collections", CollectionDoc, ["project", "clientID"]);
    this.artifacts = new Table(db, "artifacts", ArtifactDoc, ["sequence", "run", "clientID"]);
    this.memberships = new Table(db, "memberships", MembershipDoc, ["collection", "artifact"]);
    this.manifests = new Table(db, "manifests", ManifestDoc, ["artifact"]);
    this.entries = new Table(db, "entries", EntryDoc, ["artifact", "path"]);
    this.uses = new Table(db, "uses", UseDoc, ["run", "artifact"]);
    this.lines = new Lines(db);
    this.blobs = new Blobs(db);
    this.counters = new Counters(db);
  }

  /** A new opaque id of this kind, as the real server makes them: base64 of kind and number. */
  newId(kind: string): string {
    return btoa(`${kind}:${this.counters.next(kind)}`);
  }

  /** Runs `work` in one transaction. */
  atomically<T>(work: () => T): T {
    this.sqlite.exec("BEGIN");
    try {
      const result = work();
      this.sqlite.exec("COMMIT");
      return result;
    } catch (error) {
      this.sqlite.exec("ROLLBACK");
      throw error;
    }
  }
}
