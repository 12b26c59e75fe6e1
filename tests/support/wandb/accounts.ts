/** Users, teams, organisations and the server's own description. */
import { z } from "zod";
import { belongsTo, maySee, mustWrite, type Sim } from "./context.ts";
import { SimError } from "./errors.ts";
import type { Entity, Organization, User } from "./model.ts";
import { connection } from "./paging.ts";
import { projectFields, projectNode } from "./projects.ts";
import { entityCollections, entityMemberships } from "./registries.ts";

const ByName = z.looseObject({ name: z.string().nullish(), id: z.string().nullish() });
const ProjectsArgs = z.looseObject({
  filters: z.string().nullish(),
  order: z.string().nullish(),
});

/** The account fields of the query root. */
export function accountQueries(sim: Sim, caller: User): Record<string, unknown> {
  return {
    serverInfo: () => serverInfo(sim),
    viewer: () => userNode(sim, caller, caller),
    users: (raw: unknown) => {
      const { query, usernames } = z.looseObject({
        query: z.string().nullish(),
        usernames: z.array(z.string()).nullish(),
      }).parse(raw);
      const found = sim.db.users.find().filter((user) =>
        (!query || user.username === query || user.email === query || user.name === query) &&
        (!usernames || usernames.includes(user.username))
      );
      return connection(found, raw, (user) => userNode(sim, caller, user));
    },
    entity: (raw: unknown) => {
      const { name } = ByName.parse(raw);
      const entity = sim.db.entities.first({ name: name || caller.username });
      return entity && belongsTo(sim, caller, entity.name) ? entityNode(sim, caller, entity) : null;
    },
    organization: (raw: unknown) => {
      const { name, id } = ByName.parse(raw);
      const organization = id
        ? sim.db.organizations.get(id)
        : sim.db.organizations.first({ name: name ?? "" });
      return organization && caller.organizations.includes(organization.id)
        ? organizationNode(sim, caller, organization)
        : null;
    },
    organizations: (raw: unknown) =>
      connection(
        sim.db.organizations.find().filter(({ id }) => caller.organizations.includes(id)),
        raw,
        (organization) => organizationNode(sim, caller, organization),
      ),
  };
}

/** The account fields of the mutation root. */
export function accountMutations(sim: Sim, caller: User): Record<string, unknown> {
  return {
    createTeam: (raw: unknown) => {
      const { teamName } = z.looseObject({ input: z.looseObject({ teamName: z.string() }) })
        .parse(raw).input;
      mustWrite(sim, caller, caller.username);
      if (sim.db.entities.first({ name: teamName })) throw new SimError(409, "name is taken");
      const entity: Entity = {
        id: sim.db.newId("Entity"),
        name: teamName,
        kind: "team",
        organization: null,
      };
      sim.db.entities.put(entity);
      sim.db.users.put({ ...caller, teams: [...caller.teams, teamName] });
      return { entity: entityNode(sim, caller, entity) };
    },
  };
}

function serverInfo(sim: Sim): unknown {
  return {
    features: () => sim.behaviour.features.map((name) => ({ name, isEnabled: true })),
    cliVersionInfo: { max_cli_version: "9.99.0", min_cli_version: "0.13.0" },
    latestLocalVersionInfo: {
      versionOnThisInstanceString: "0.79.0",
      latestVersionString: "0.79.0",
      outOfDate: false,
    },
  };
}

/** A `User`. */
export function userNode(sim: Sim, caller: User, user: User): unknown {
  return {
    __typename: "User",
    id: user.id,
    username: user.username,
    name: user.name,
    email: user.email,
    photoUrl: null,
    admin: false,
    flags: "{}",
    deletedAt: null,
    entity: user.username,
    apiKeys: { edges: [] },
    organizations: () =>
      user.organizations.flatMap((id) => {
        const organization = sim.db.organizations.get(id);
        return organization ? [organizationNode(sim, caller, organization)] : [];
      }),
    // The real server lists the personal entity among them.
    teams: (raw: unknown) =>
      connection(
        [user.username, ...user.teams].flatMap((name) => sim.db.entities.find({ name })),
        raw,
        (entity) => entityNode(sim, caller, entity),
      ),
    projects: (raw: unknown) => projectFields(sim, caller, user.username, raw),
  };
}

/** An `Entity`. */
export function entityNode(sim: Sim, caller: User, entity: Entity): unknown {
  const members = () =>
    sim.db.users.find().filter((user) => belongsTo(sim, user, entity.name)).map((user) => ({
      id: user.id,
      username: user.username,
      name: user.name,
      email: user.email,
      role: "admin",
      admin: true,
      pending: false,
      photoUrl: null,
      accountType: "MEMBER",
      apiKey: null,
    }));
  return {
    __typename: "Entity",
    id: entity.id,
    name: entity.name,
    isTeam: entity.kind !== "user",
    entityType: entity.kind,
    available: false,
    photoUrl: null,
    readOnly: caller.readOnly,
    readOnlyAdmin: false,
    privateOnly: false,
    storageBytes: 0,
    codeSavingEnabled: true,
    defaultAccess: "PRIVATE",
    isPaid: true,
    limits: {},
    xxhashDigestsEnabled: false,
    members,
    organization: () => {
      const organization = entity.organization
        ? sim.db.organizations.get(entity.organization)
        : undefined;
      return organization ? organizationNode(sim, caller, organization) : null;
    },
    user: () => {
      const user = sim.db.users.first({ username: entity.name });
      return user ? userNode(sim, caller, user) : null;
    },
    project: (raw: unknown) => {
      const { name } = ByName.parse(raw);
      const project = sim.db.projects.first({ entity: entity.name, name: name ?? "" });
      return project && maySee(sim, caller, project) ? projectNode(sim, caller, project) : null;
    },
    projects: (raw: unknown) => {
      const { filters, order } = ProjectsArgs.parse(raw);
      return projectFields(sim, caller, entity.name, raw, filters, order);
    },
    artifactCollections: (raw: unknown) => entityCollections(sim, caller, entity, raw),
    artifactMemberships: (raw: unknown) => entityMemberships(sim, caller, entity, raw),
  };
}

/** An `Organization`. */
function organizationNode(
  sim: Sim,
  caller: User,
  organization: Organization,
): unknown {
  return {
    __typename: "Organization",
    id: organization.id,
    name: organization.name,
    coreWeaveOrganizationId: null,
    advancedRegistryFeatures: { advancedSearch: true },
    featureFlags: [],
    orgEntity: () => {
      const entity = sim.db.entities.first({ name: organization.orgEntity });
      return entity ? entityNode(sim, caller, entity) : null;
    },
    projects: (raw: unknown) => projectFields(sim, caller, organization.orgEntity, raw),
  };
}
