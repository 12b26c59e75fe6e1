/** The accounts that every simulator has. */
import { z } from "zod";
import type { Credentials } from "./auth.ts";
import type { Sim } from "./context.ts";

/** Names and credentials of the accounts. */
export const Accounts = z.object({
  /** Key of the main user. */
  apiKey: z.string(),
  /** Key of a user of the same team who may only read. */
  readerKey: z.string(),
  /** Key of a user who sees nothing of it. */
  outsiderKey: z.string(),
  /** JWT-shaped token that is exchanged for an access token of the main user. */
  identityToken: z.string(),
  /** The main user's personal entity. */
  user: z.string(),
  team: z.string(),
  organization: z.string(),
  /** The entity that owns the organisation's registries. */
  orgEntity: z.string(),
});
/** Its type. */
export type Accounts = z.infer<typeof Accounts>;

const USER = "sim-user";
const TEAM = "sim-team";
const ORGANIZATION = "sim-org";
const ORG_ENTITY = "sim-org_6f2c";

/** Puts the accounts into the database, unless they are there, and lets their keys in. */
export function seedAccounts(sim: Sim, credentials: Credentials, apiKey?: string): Accounts {
  const { db } = sim;
  if (db.users.count() === 0) {
    const organization = db.organizations.put({
      id: db.newId("Organization"),
      name: ORGANIZATION,
      orgEntity: ORG_ENTITY,
    });
    const people: [string, string[], boolean][] = [
      [USER, [TEAM], false],
      ["sim-reader", [TEAM], true],
      ["sim-outsider", [], false],
    ];
    for (const [username, teams, readOnly] of people) {
      db.users.put({
        id: db.newId("User"),
        username,
        name: `Name of ${username}`,
        email: `${username}@example.test`,
        teams,
        organizations: teams.length > 0 ? [organization.id] : [],
        readOnly,
      });
      db.entities.put({
        id: db.newId("Entity"),
        name: username,
        kind: "user",
        organization: null,
      });
    }
    db.entities.put({
      id: db.newId("Entity"),
      name: TEAM,
      kind: "team",
      organization: organization.id,
    });
    db.entities.put({
      id: db.newId("Entity"),
      name: ORG_ENTITY,
      kind: "organization",
      organization: organization.id,
    });
  }
  const accounts: Accounts = {
    apiKey: apiKey ?? randomKey(),
    readerKey: randomKey(),
    outsiderKey: randomKey(),
    identityToken: ["eyJhbGciOiJub25lIn0", btoa(crypto.randomUUID()), randomKey()].join("."),
    user: USER,
    team: TEAM,
    organization: ORGANIZATION,
    orgEntity: ORG_ENTITY,
  };
  credentials.addKey(accounts.apiKey, USER);
  credentials.addKey(accounts.readerKey, "sim-reader");
  credentials.addKey(accounts.outsiderKey, "sim-outsider");
  credentials.addIdentity(accounts.identityToken, USER);
  return accounts;
}

function randomKey(): string {
  return crypto.getRandomValues(new Uint8Array(20)).toHex();
}
