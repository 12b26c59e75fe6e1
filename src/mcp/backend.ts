import type { ResourceSpec } from "./resource.ts";
import type { BoundTool } from "./tool.ts";
import type { LookUps, Workflow } from "./workflow.ts";

/** One back end's part of the catalog: everything of it that exists with a configuration. */
export interface Backend {
  /** The back end's name for people. */
  readonly name: string;
  /** The tools, in listing order; empty when the back end is not configured. */
  readonly tools: readonly BoundTool[];
  /** Chains of calls for common questions. */
  readonly workflows: readonly Workflow[];
  /** Look-ups that complete arguments of any back end's workflows. */
  readonly lookUps: LookUps;
  readonly resources: readonly ResourceSpec[];
  /** Arguments that the configuration gives where a call leaves them out. */
  readonly fixedArguments: readonly string[];
  /** What it can be asked about, in a few words, under all the names people use for it. */
  readonly subject: string;
  /** What the instructions say about it when it is configured. */
  readonly instructions: string;
  /** Why its tools, or some of them, are not listed; undefined if all are. */
  readonly absent: string | undefined;
  /** Those tools, so that a call of one can be refused with the reason; may load them. */
  readonly absentTools: () => Promise<readonly ToolNames[]>;
  /** Checks of its servers, for `wandflow doctor`. */
  readonly checks: readonly HealthCheck[];
}

/** A check of one server. */
export interface HealthCheck {
  readonly name: string;
  /** Where it is, as it may be shown. */
  readonly address: string;
  /** The toolset, or its first part, that needs it: it is not asked where none of that is listed. */
  readonly toolset: string;
  /** Set if only its own tools depend on it. */
  readonly optional?: true;
  /**
   * Asks it something that needs the credentials, if it uses any.
   *
   * @throws {Failure} if it cannot be reached or refuses them.
   */
  run(signal: AbortSignal): Promise<Health>;
  /**
   * Makes sure that what the settings name for calls that name nothing exists there.
   *
   * @throws {Failure} if it does not, or cannot be looked up; the message names the setting.
   */
  defaults?(signal: AbortSignal): Promise<void>;
}

/** What a server says about itself. */
export interface Health {
  readonly version?: string;
  /** Whose the credentials are. */
  readonly user?: string;
  /** Milliseconds that its clock is ahead of this machine's. */
  readonly skew?: number;
}

/** What a tool is called by. */
export type ToolNames = Pick<BoundTool, "name" | "aliases">;

export const noTools = (): Promise<readonly ToolNames[]> => Promise.resolve([]);

/** A back end that is not configured: no tools, the reason, and the tools that it would have. */
export function absentBackend(
  name: string,
  reason: string | undefined,
  absentTools: Backend["absentTools"],
): Backend {
  return {
    name,
    tools: [],
    workflows: [],
    lookUps: {},
    resources: [],
    fixedArguments: [],
    subject: "",
    instructions: "",
    absent: reason,
    absentTools,
    checks: [],
  };
}
