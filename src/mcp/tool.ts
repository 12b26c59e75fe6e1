/**
 * What a tool is: its declaration, what it is called with, what it returns. `define.ts` turns a
 * declaration into a tool, and gives it its back end's services.
 *
 * @module
 */
import type { z } from "zod";
import type { JsonObject } from "../core/json.ts";
import type { Log } from "../core/log.ts";

/** What a tool does to the tracker: annotations, read-only mode and confirmation follow from it. */
export type Effect = "read" | "write" | "destroy";

/** Who calls over HTTP. */
export interface Caller {
  /** Tells callers apart in logs and in what is remembered; reveals nothing of credentials. */
  readonly id: string;
  /** What the caller logs in to the back ends with; absent if the server's own are used. */
  readonly credentials?: CallerCredentials;
}

/** Credentials that a request brought; the server's own never fill in for missing ones. */
export interface CallerCredentials {
  /** An API key of W&B. */
  readonly wandb?: string;
  /** The `Authorization` header for MLflow. */
  readonly mlflow?: string;
}

/** What every call gets besides its arguments. */
export interface CallContext {
  /** Aborts when the client cancels or goes away. */
  readonly signal: AbortSignal;
  /** Reports the progress of a long call; ignored if the client did not ask for it. */
  readonly progress: (update: ProgressUpdate) => void;
  /** Bound on the answer, in tokens. */
  readonly maxTokens: number;
  /** Where details go. */
  readonly log: Log;
  /** Whether and how the user can be asked before something is destroyed. */
  readonly consent: Consent;
  /** The calling program's name and version, as it gives them. */
  readonly client?: string;
  /** Who calls; absent if callers are not told apart. */
  readonly caller?: Caller;
  /** The caller's trace (W3C), for requests upstream. */
  readonly traceparent?: string;
  /** Where the tool's back end is. */
  readonly host?: string;
}

/** The parts of a call that its upstream requests depend on. */
export type UpstreamCall = Pick<CallContext, "signal" | "log" | "caller" | "traceparent">;

/** What a call changes, by ids and names; no contents. */
export type Target = Readonly<Record<string, string | number | boolean | undefined>>;

/** One step of a long call. */
export interface ProgressUpdate {
  /** How much is done; grows. */
  readonly done: number;
  /** Of how much, if known. */
  readonly total?: number;
  /** What is going on. */
  readonly message: string;
}

/** Whether the user can agree to a call, and has. */
export interface Consent {
  /** The client can put a question to its user. */
  readonly canAsk: boolean;
  /** The user's answer, once there is one; "none" if the question was closed without one. */
  readonly answer: "yes" | "no" | "none" | undefined;
  /** Accept `confirm: true` as a yes even if the user could be asked. */
  readonly trustConfirm: boolean;
  /** The state of the preview that the user answered; it came through the client, so no proof. */
  readonly state?: string | undefined;
}

/** What a call would destroy, before anybody agreed to it. */
export interface Preview {
  /** What would happen, as a sentence. */
  readonly question: string;
  /** What the agreement covers, such as a point in time; comes back with the user's yes. */
  readonly state?: string;
  /** How to call again if the user cannot be asked. */
  readonly hint?: string;
}

/** A link to something that the result is about. */
export interface ResultLink {
  /** Where it is. */
  readonly uri: string;
  /** What to call it. */
  readonly name: string;
  /** What it is, in a few words. */
  readonly description?: string;
}

/** A list in a result whose last items may be left out when the budget is short. */
export interface CuttableRows {
  /** Dotted path of the list in the result, such as `traces` or `data.spans`. */
  readonly path: string;
  /** What changes in the result when only the first `kept` items stay, such as the cursor. */
  readonly resume?: (kept: number) => Record<string, unknown>;
  /** How to get the rest, as a sentence. */
  readonly hint?: string;
  /** Reduces an item to what is asked for most; used before items are left out. */
  readonly brief?: (item: unknown) => unknown;
  /** How to get the items whole, as a sentence. */
  readonly briefHint?: string;
}

/** What a tool returns. */
export interface Reply<T> {
  /** The structured result; fits the output schema. */
  readonly data: T;
  /** Text to show instead of the compact JSON. */
  readonly text?: string;
  /** Lists that may be cut when the answer is too long. */
  readonly rows?: readonly CuttableRows[];
  /** Related things. */
  readonly links?: readonly ResultLink[];
  /** The tool that draws this result; the answer names it if it is listed. */
  readonly drawnBy?: string;
  /** What the tool's page shows; sent beside what the model reads, to clients that show pages. */
  readonly chart?: Record<string, unknown>;
  /** A PNG; its tool has no output schema, since clients drop images beside structured content. */
  readonly picture?: Uint8Array;
}

/** A page that shows a tool's results to people, in clients that can (MCP Apps). */
export interface App {
  /** Its address, such as `ui://wandflow/chart.html`. */
  readonly uri: string;
  /** What programs call it. */
  readonly name: string;
  /** What people read. */
  readonly title: string;
  /** When it shows what. */
  readonly description: string;
  /** Loads its one HTML file, which itself loads nothing. */
  readonly load: () => Promise<string>;
}

/** A tool as its file declares it. `S` is what it needs from its back end, such as the client. */
export interface ToolSpec<
  S,
  I extends z.ZodObject,
  O extends z.ZodObject,
> {
  /** The name clients call. */
  readonly name: string;
  /** Older or newer names of the same tool: accepted in calls, not listed. */
  readonly aliases?: readonly string[];
  /** The name people see. */
  readonly title: string;
  /** The group it belongs to, such as `mlflow.traces`. */
  readonly toolset: string;
  /** What it does to the tracker. */
  readonly effect: Effect;
  /** A write that leads to the same state when repeated. */
  readonly idempotent?: boolean;
  /** When to use it, what comes back, the one trap. */
  readonly description: string;
  /** The arguments. */
  readonly input: I;
  /** Names of arguments that are accepted and not listed. */
  readonly unlisted?: readonly (keyof I["shape"] & string)[];
  /** Likely wrong names of arguments, and what they mean. */
  readonly argumentAliases?: Readonly<Record<string, string>>;
  /** Arguments for which empty text is a value; for all others it means that they are omitted. */
  readonly mayBeEmpty?: readonly (keyof I["shape"] & string)[];
  /** The result; a tool that returns a picture has none. */
  readonly output?: O;
  /** For writing tools: what the call changes, for the audit line. */
  readonly target?: (args: z.output<I>, context: CallContext & S) => Target;
  /** For `destroy`: which calls need the user's agreement; all, when absent. */
  readonly needsConsent?: (args: z.output<I>) => boolean;
  /** For `destroy`: what the call would do, as one sentence. */
  readonly preview?: (
    args: z.output<I>,
    context: CallContext & S,
  ) => Promise<Preview>;
  /** The page that shows its results. */
  readonly app?: App;
  /** Carries out a call. */
  readonly run: (
    args: z.output<I>,
    context: CallContext & S,
  ) => Promise<Reply<z.output<O>>>;
}

/** How a call ended. */
export type Outcome =
  | { readonly kind: "reply"; readonly reply: Reply<Record<string, unknown>> }
  | { readonly kind: "ask"; readonly question: string; readonly state?: string };

/** A JSON Schema as it goes over the wire: always an object, some clients accept nothing else. */
export interface JsonSchema extends JsonObject {
  /** Always this. */
  type: "object";
  /** Its members by name. */
  properties: JsonObject;
  /** Names of members that must be there. */
  required: string[];
}

/** A tool's entry in `tools/list`. */
export interface ToolListing {
  /** The name clients call. */
  readonly name: string;
  /** The name people see. */
  readonly title: string;
  /** What the model reads. */
  readonly description: string;
  /** Arguments. */
  readonly inputSchema: JsonSchema;
  /** Result; absent if the tool returns a picture. */
  readonly outputSchema?: JsonSchema;
  /** All four hints, explicit. */
  readonly annotations: {
    readonly title: string;
    readonly readOnlyHint: boolean;
    readonly destructiveHint: boolean;
    readonly idempotentHint: boolean;
    readonly openWorldHint: boolean;
  };
}

/** A tool that still needs its back end's services. */
export interface Tool<S> {
  /** The name clients call. */
  readonly name: string;
  /** The name people see. */
  readonly title: string;
  /** Other names accepted in calls. */
  readonly aliases: readonly string[];
  /** The group it belongs to. */
  readonly toolset: string;
  /** What it does to the tracker. */
  readonly effect: Effect;
  /** The page that shows its results. */
  readonly app?: App;
  /** Its entry in `tools/list`, made once. */
  readonly listing: () => ToolListing;
  /** Calls it with a client's raw arguments. */
  readonly call: (raw: unknown, context: CallContext & S) => Promise<Outcome>;
}

/** A tool ready to be called. */
export type BoundTool = Tool<unknown>;
