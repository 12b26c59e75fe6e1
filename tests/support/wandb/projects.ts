/** Projects, and everything that is reached through one. */
import { z } from "zod";
import { entityNode, userNode } from "./accounts.ts";
import { projectArtifactFields } from "./artifacts.ts";
import { belongsTo, findProject, maySee, mustWrite, type Sim } from "./context.ts";
import { SimError } from "./errors.ts";
import type { Project, User } from "./model.ts";
import { choose } from "./mongo.ts";
import { type Connection, connection } from "./paging.ts";
import { projectRunFields } from "./runs.ts";
import { projectSweepFields } from "./sweeps.ts";
import { projectViews } from "./views.ts";

const Named = z.looseObject({ name: z.string().nullish(), entityName: z.string().nullish() });

/** The project fields of the query root. */
export function projectQueries(sim: Sim, caller: User): Record<string, unknown> {
  const project = (raw: unknown) => {
    const { name, entityName } = Named.parse(raw);
    const found = findProject(sim, caller, entityName, name);
    return found ? projectNode(sim, caller, found) : null;
  };
  const projects = (raw: unknown) => {
    const { entityName } = Named.parse(raw);
    const entity = entityName || caller.username;
    if (!sim.db.entities.first({ name: entity })) throw new SimError(404, "entity not found");
    return projectFields(sim, caller, entity, raw, null, "-createdAt");
  };
  return { project, model: project, projects, models: projects };
}

/** An entity's visible projects as a connection. */
export function projectFields(
  sim: Sim,
  caller: User,
  entity: string,
  raw: unknown,
  filters?: string | null,
  order?: string | null,
): Connection {
  const visible = sim.db.projects.find({ entity }).filter((one) => maySee(sim, caller, one));
  return connection(
    choose(visible, filters, order, projectGetter),
    raw,
    (one) => projectNode(sim, caller, one),
  );
}

/** Reads a project's fields for filters and orders. */
export function projectGetter(project: Project): (field: string) => unknown {
  const fields: Record<string, unknown> = {
    id: project.id,
    name: project.name,
    description: project.description,
    access: project.access,
    entityName: project.entity,
    createdAt: project.createdAt,
    created_at: project.createdAt,
    updatedAt: project.updatedAt,
    updated_at: project.updatedAt,
  };
  return (field) => {
    if (!Object.hasOwn(fields, field)) throw new SimError(400, `invalid filter field: ${field}`);
    return fields[field];
  };
}

/** A `Project`. */
export function projectNode(sim: Sim, caller: User, project: Project): unknown {
  const owner = () => {
    const user = sim.db.users.first({ username: project.username });
    return user ? userNode(sim, caller, user) : null;
  };
  return {
    __typename: "Project",
    id: project.id,
    internalId: String(project.internalId),
    name: project.name,
    entityName: project.entity,
    entity: () => {
      const entity = sim.db.entities.first({ name: project.entity });
      return entity ? entityNode(sim, caller, entity) : null;
    },
    description: project.description,
    access: project.access,
    views: project.views ?? null,
    repo: null,
    dockerImage: null,
    createdAt: project.createdAt,
    updatedAt: project.updatedAt,
    lastActive: project.updatedAt,
    isBenchmark: false,
    readOnly: () => caller.readOnly || !belongsTo(sim, caller, project.entity),
    user: owner,
    allowAllArtifactTypesInRegistry: project.allowAllTypes,
    members: () =>
      sim.db.users.find().filter((user) => belongsTo(sim, user, project.entity)).map((user) => ({
        id: user.id,
        name: user.name,
        username: user.username,
        email: user.email,
        role: { name: "admin" },
      })),
    teamMembers: () =>
      sim.db.entities.find({ kind: "team" }).map((team) => ({
        team: () => entityNode(sim, caller, team),
        role: { name: "member" },
      })),
    ...projectRunFields(sim, caller, project),
    ...projectSweepFields(sim, caller, project),
    ...projectArtifactFields(sim, caller, project),
    allViews: (raw: unknown) => projectViews(sim, caller, project, raw),
  };
}

/** Gives the project, creating it when it is not there. */
export function ensureProject(
  sim: Sim,
  caller: User,
  entityName: string | null | undefined,
  name: string | null | undefined,
): Project {
  const entity = entityName || caller.username;
  const known = findProject(sim, caller, entity, name);
  mustWriteTo(sim, caller, entity);
  return known ?? createProject(sim, caller, entity, name || "uncategorized");
}

function mustWriteTo(sim: Sim, caller: User, entity: string): void {
  if (!sim.db.entities.first({ name: entity })) {
    throw new SimError(404, `entity ${entity} not found during upsertBucket`);
  }
  mustWrite(sim, caller, entity);
}

function createProject(sim: Sim, caller: User, entity: string, name: string): Project {
  const number = sim.db.counters.next("Project");
  const now = sim.now();
  return sim.db.projects.put({
    id: btoa(`Project:v1:${name}:${entity}`),
    internalId: number,
    name,
    entity,
    description: null,
    access: "PRIVATE",
    createdAt: now,
    updatedAt: now,
    username: caller.username,
    allowAllTypes: true,
  });
}

const Upsert = z.looseObject({
  input: z.looseObject({
    id: z.string().nullish(),
    name: z.string().nullish(),
    entityName: z.string().nullish(),
    description: z.string().nullish(),
    access: z.string().nullish(),
    views: z.string().nullish(),
    allowAllArtifactTypesInRegistry: z.boolean().nullish(),
    artifactTypes: z.array(z.looseObject({ name: z.string() })).nullish(),
  }),
});

/** The project fields of the mutation root. */
export function projectMutations(sim: Sim, caller: User): Record<string, unknown> {
  return {
    upsertModel: (raw: unknown) => {
      const { input } = Upsert.parse(raw);
      const entity = input.entityName || caller.username;
      mustWriteTo(sim, caller, entity);
      const known = input.id
        ? sim.db.projects.get(input.id)
        : sim.db.projects.first({ entity, name: input.name ?? "" });
      const base = known ?? createProject(sim, caller, entity, input.name ?? "uncategorized");
      const project = sim.db.projects.put({
        ...base,
        description: input.description ?? base.description,
        access: input.access ?? base.access,
        ...(input.views ? { views: JSON.parse(input.views) } : {}),
        allowAllTypes: input.allowAllArtifactTypesInRegistry ?? base.allowAllTypes,
        updatedAt: sim.now(),
      });
      for (const { name } of input.artifactTypes ?? []) {
        if (sim.db.types.first({ project: project.id, name })) continue;
        sim.db.types.put({
          id: sim.db.newId("ArtifactType"),
          project: project.id,
          name,
          description: null,
          createdAt: sim.now(),
        });
      }
      const node = projectNode(sim, caller, project);
      return { project: node, model: node, inserted: known === undefined };
    },
    renameProject: (raw: unknown) => {
      const { input } = z.looseObject({
        input: z.looseObject({
          entityName: z.string(),
          oldProjectName: z.string(),
          newProjectName: z.string(),
        }),
      }).parse(raw);
      mustWrite(sim, caller, input.entityName);
      const known = findProject(sim, caller, input.entityName, input.oldProjectName);
      if (!known) throw new SimError(404, "project not found");
      const project = sim.db.projects.put({ ...known, name: input.newProjectName });
      return { project: projectNode(sim, caller, project), inserted: false };
    },
    deleteModel: (raw: unknown) => {
      const { input } = z.looseObject({ input: z.looseObject({ id: z.string() }) }).parse(raw);
      const known = sim.db.projects.get(input.id);
      if (!known) throw new SimError(404, "project not found");
      mustWrite(sim, caller, known.entity);
      sim.db.projects.delete(known.id);
      return { success: true };
    },
  };
}
