import { join } from "node:path";
import { z } from "zod";
import type { Backend, Started } from "../backend.ts";
import { Manifest, seed } from "./seed.ts";
import { type Mlflow, type MlflowVersion, startMlflow } from "./server.ts";

/** A running MLflow server as tests see it. */
export const MlflowState = z.looseObject({
  uri: z.string(),
  version: z.union([z.literal("newest"), z.templateLiteral(["3.", z.number()])]),
  dir: z.string(),
  dbPath: z.string(),
  admin: z.object({ username: z.string(), password: z.string() }).optional(),
  manifestPath: z.string().optional(),
});
/** A running MLflow server as tests see it. */
export type MlflowState = z.infer<typeof MlflowState>;

/** MLflow 3.4 with the seed; spans are kept as artifacts. */
export const mlflow34: Backend<MlflowState> = seeded("3.4");

/** The newest MLflow with the seed; spans are kept in the database. */
export const mlflowNewest: Backend<MlflowState> = seeded("newest");

/** The newest MLflow, empty, asking for a name and password, below the path `/tracking/here`. */
export const mlflowAuth: Backend<MlflowState> = {
  name: "mlflow-auth",
  state: MlflowState,
  start: async () => {
    const options = { appName: "basic-auth", staticPrefix: "/tracking/here" } as const;
    return started(await startMlflow({ version: "newest", ...options }));
  },
};

function seeded(version: MlflowVersion): Backend<MlflowState> {
  return {
    name: `mlflow-${version}`,
    state: MlflowState,
    start: async () => {
      const server = await startMlflow({ version });
      try {
        const manifestPath = join(server.dir, "manifest.json");
        await Deno.writeTextFile(manifestPath, JSON.stringify(await seed(server)));
        return started(server, { manifestPath });
      } catch (error) {
        await server.stop();
        throw error;
      }
    },
  };
}

function started(server: Mlflow, more: Partial<MlflowState> = {}): Started<MlflowState> {
  const { uri, version, dir, dbPath, admin } = server;
  const state = { uri, version, dir, dbPath, ...(admin ? { admin } : {}), ...more };
  return { state, stop: server.stop };
}

/** What the seed put on a server. */
export async function manifestOf(server: MlflowState): Promise<Manifest> {
  if (server.manifestPath === undefined) throw new Error(`${server.uri} is not seeded.`);
  return Manifest.parse(JSON.parse(await Deno.readTextFile(server.manifestPath)));
}
