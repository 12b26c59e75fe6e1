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
  /** Look-ups that complete arguments, of any back end's workflows. */
  readonly lookUps: LookUps;
  readonly resources: readonly ResourceSpec[];
  /** Arguments that the configuration gives where a call leaves them out. */
  readonly fixedArguments: readonly string[];
  /** What can be asked of it, in few words, by all names it goes by. */
  readonly subject: string;
  /** What the instructions say of it when it is configured. */
  readonly instructions: string;
  /** Why its tools, or some of them, are not listed, when they are not. */
  readonly absent: string | undefined;
  /** Those tools, so that a call of one can be told why; they may have to be loaded. */
  readonly absentTools: () => Promise<readonly ToolNames[]>;
  /** Looks at its servers, for `wandflow doctor`. */
  readonly checks: readonly HealthCheck[];
}

/** A look at one server. */
export interface HealthCheck {
  readonly name: string;
  /** Where it is, as it may be shown. */
  readonly address: string;
  /** Nothing but its own tools depends on it. */
  readonly optional?: true;
  /**
   * Asks it something that needs the credentials, if it takes any.
   *
   * @throws {Failure} when it is not there or refuses them.
   */
  run(signal: AbortSignal): Promise<Health>;
}

/** What a server says of itself. */
export interface Health {
  readonly version?: string;
  /** Whose the credentials are. */
  readonly user?: string;
  /** Milliseconds that its clock is ahead of this machine's. */
  readonly skew?: number;
}

/** What a tool is called by. */
export type ToolNames = Pick<BoundTool, "name" | "aliases">;

/** No tools. */
export const noTools = (): Promise<readonly ToolNames[]> => Promise.resolve([]);

/** The part of a back end that is not configured: nothing, why, and the tools that it would have. */
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
