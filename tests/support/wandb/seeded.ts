/** A simulator that both versions of W&B's package have filled, shared by the tests that read. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import type { Backend } from "../backend.ts";
import { freePort } from "../ports.ts";
import { startServer } from "../python/server_process.ts";
import { ensureVenv } from "../python/venv.ts";
import { DATABASE, startWandbSim, type WandbSim, type WandbSimOptions } from "./mod.ts";
import { seed, SeedManifest, WANDB_VERSIONS, type WandbVersion } from "./python.ts";
import { Accounts } from "./seed-accounts.ts";

const Refused = z.object({ method: z.string(), path: z.string(), status: z.number() });
const Requests = z.array(z.looseObject({
  ...Refused.shape,
  host: z.string(),
  headers: z.record(z.string(), z.string()),
}));

/** The shared simulator: where it is, and what is in it. */
export const SeededState = z.object({
  url: z.string(),
  storeUrl: z.string(),
  apiKey: z.string(),
  accounts: Accounts,
  /** What each version wrote, in a project and a registry of the same name. */
  manifests: z.object({ "wandb-0.25.1": SeedManifest, "wandb-newest": SeedManifest }),
  /** A copy of the database as it was after seeding. */
  snapshot: z.string(),
  /** Requests of the seeding that were answered with an error. */
  refused: z.array(Refused),
  /** Requests of the seeding that carried credentials to the file store. */
  leaks: z.array(Refused),
});
/** Its type. */
export type SeededState = z.infer<typeof SeededState>;

/** Names of the projects, one for each version. */
export const SEEDED_PROJECTS: Readonly<Record<WandbVersion, string>> = {
  "wandb-0.25.1": "written-by-0-25-1",
  "wandb-newest": "written-by-newest",
};

/**
 * The simulator as a process of its own, with a file store of its own, filled by both versions
 * (about twenty seconds).
 */
export const wandbSeeded: Backend<SeededState> = {
  name: "wandb",
  state: SeededState,
  start: async () => {
    const [{ python }] = await Promise.all([
      ensureVenv("wandb-newest"),
      ensureVenv("wandb-0.25.1"),
    ]);
    const dir = await Deno.makeTempDir({ prefix: "wandb-sim-" });
    const port = freePort();
    const url = `http://127.0.0.1:${port}`;
    const main = fileURLToPath(new URL("main.ts", import.meta.url));
    const server = await startServer({
      name: "the W&B simulator",
      python,
      command: [Deno.execPath(), "run", "-A", main, "--port", String(port), "--separate-store"],
      dir,
      health: `${url}/__sim/health`,
    });
    try {
      const { storeUrl, accounts } = await control(url, "GET accounts", Description);
      const target = { url, apiKey: accounts.apiKey, accounts };
      const [older, newer] = await Promise.all(
        WANDB_VERSIONS.map((version) => seed(target, version, SEEDED_PROJECTS[version])),
      );
      const snapshot = join(dir, "seeded.sqlite");
      await control(url, "POST snapshot", z.unknown(), { path: snapshot });
      const requests = await control(url, "GET requests", Requests);
      const state = SeededState.parse({
        ...target,
        storeUrl,
        manifests: { "wandb-0.25.1": older, "wandb-newest": newer },
        snapshot,
        refused: requests.filter(({ status }) => status >= 400),
        leaks: requests.filter(({ host, headers }) =>
          host === "store" && "authorization" in headers
        ),
      });
      return { state, stop: server.stop };
    } catch (error) {
      await server.stop();
      throw error;
    }
  },
};

const Description = z.object({ storeUrl: z.string(), accounts: Accounts });

async function control<T>(
  url: string,
  action: string,
  schema: z.ZodType<T>,
  body?: unknown,
): Promise<T> {
  const [method = "", path = ""] = action.split(" ");
  const response = await fetch(`${url}/__sim/${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${action}: ${await response.text()}`);
  return schema.parse(await response.json());
}

/**
 * Starts a simulator of the caller's own on a copy of what was seeded, with its own faults, log
 * and behaviour. File contents and artifacts are there; the API key is a new one.
 */
export async function startSeededCopy(
  seeded: SeededState,
  options: Omit<WandbSimOptions, "dir"> = {},
): Promise<WandbSim> {
  const dir = await Deno.makeTempDir({ prefix: "wandb-copy-" });
  await Deno.copyFile(seeded.snapshot, join(dir, DATABASE));
  const sim = startWandbSim({ ...options, dir });
  return {
    ...sim,
    stop: async () => {
      await sim.stop();
      await Deno.remove(dir, { recursive: true });
    },
  };
}
