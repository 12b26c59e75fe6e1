/**
 * A server that W&B's own clients take for W&B: GraphQL, file stream, files and artifacts, kept in
 * SQLite, with faults on demand. See README.md beside this file.
 */
import { join } from "node:path";
import { type Behaviour, historyReader, type Sim } from "./context.ts";
import { FEATURES } from "./features.ts";
import type { Fault, Faults } from "./faults.ts";
import { Executor } from "./graphql.ts";
import type { GeneratedHistory } from "./history.ts";
import { Db } from "./model.ts";
import { type GeneratedRunOptions, insertGeneratedRun } from "./generated.ts";
import { buildSimSchema } from "./schema.ts";
import { type Accounts, seedAccounts } from "./seed-accounts.ts";
import { Handler, type LoggedRequest } from "./server.ts";
import { SignedUrls } from "./signing.ts";
import { answerControl } from "./control.ts";

/** Name of the database in its folder. */
export const DATABASE = "wandb.sqlite";

/** How a simulator is started. Everything has a default. */
export interface WandbSimOptions {
  /** Port of the API; any free one when absent. */
  readonly port?: number;
  /** Folder for the database; in memory when absent. */
  readonly dir?: string;
  /** Faults in force from the start. */
  readonly faults?: readonly Fault[];
  /** Whether files are served from the API's host (the default) or from one of their own. */
  readonly store?: "same" | "separate";
  /** API key of the main user; random when absent. */
  readonly apiKey?: string;
  /** Changes to how it behaves. */
  readonly behaviour?: Partial<Behaviour>;
  /** Schema fields left out, as `Type.field`, to stand for an older server. */
  readonly without?: readonly string[];
  /** Clock; the real one when absent. */
  readonly now?: () => Date;
}

/** A running simulator. */
export interface WandbSim {
  /** Base URL, as WANDB_BASE_URL takes it. */
  readonly url: string;
  /** Where files are served; differs from `url` when the store is separate. */
  readonly storeUrl: string;
  /** The main user's key. */
  readonly apiKey: string;
  /** Names and other keys of the accounts there are. */
  readonly accounts: Accounts;
  /** Every request since the start or the last `requests.length = 0`. */
  readonly requests: LoggedRequest[];
  readonly faults: Faults;
  readonly behaviour: Behaviour;
  readonly db: Db;
  /** Errors that are the simulator's own; a test that uses it should find none. */
  readonly defects: readonly string[];
  /** Ends all access tokens that were given for identity tokens. */
  expireTokens(): void;
  /** Inserts a run whose history is computed, so that it may have millions of steps. */
  insertGeneratedRun(options: GeneratedRunOptions): void;
  stop(): Promise<void>;
}

export type { Fault, GeneratedHistory, GeneratedRunOptions, LoggedRequest };

/** Starts a simulator on the loopback interface. */
export function startWandbSim(options: WandbSimOptions = {}): WandbSim {
  const db = new Db(options.dir === undefined ? ":memory:" : join(options.dir, DATABASE));
  const generators = new Map<string, GeneratedHistory>();
  const behaviour: Behaviour = {
    nonFinite: "string",
    introspection: true,
    crashAfterSeconds: 300,
    features: [...FEATURES],
    randomSampling: false,
    dottedConfigKeys: false,
    numericTimes: "error",
    zonedTimes: true,
    includesMaxStep: true,
    missingFields: "last",
    refusesUnknownFields: true,
    inheritsHistory: false,
    delayMs: 0,
    ...options.behaviour,
  };
  const now = options.now ?? (() => new Date());
  const sim: Sim = {
    db,
    behaviour,
    urls: new SignedUrls(),
    generators,
    history: historyReader(db, generators, behaviour),
    now: () => now().toISOString(),
  };
  const executor = new Executor(sim, buildSimSchema(options.without));
  const separate = options.store === "separate";
  const handler = new Handler(sim, executor, separate);
  const accounts = seedAccounts(sim, handler.credentials, options.apiKey);
  for (const fault of options.faults ?? []) handler.faults.add(fault);

  const abort = new AbortController();
  const serve = (port: number, handle: (request: Request) => Promise<Response>) =>
    Deno.serve(
      { port, hostname: "127.0.0.1", signal: abort.signal, onListen: () => {} },
      handle,
    );
  const api = serve(
    options.port ?? 0,
    async (request) => await answerControl(running, sim, request) ?? handler.handle("api", request),
  );
  const url = `http://127.0.0.1:${api.addr.port}`;
  const store = separate ? serve(0, (request) => handler.handle("store", request)) : undefined;
  const storeUrl = store ? `http://127.0.0.1:${store.addr.port}` : url;
  sim.urls.api = url;
  sim.urls.store = storeUrl;

  const running: WandbSim = {
    url,
    storeUrl,
    apiKey: accounts.apiKey,
    accounts,
    requests: handler.requests,
    faults: handler.faults,
    behaviour,
    db,
    defects: executor.defects,
    expireTokens: () => handler.credentials.expireTokens(),
    insertGeneratedRun: (run) => insertGeneratedRun(sim, run),
    stop: async () => {
      handler.release();
      abort.abort();
      await Promise.all([api.finished, store?.finished]);
      db.sqlite.close();
    },
  };
  return running;
}
