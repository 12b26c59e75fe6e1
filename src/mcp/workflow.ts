import type { UpstreamCall } from "./tool.ts";

/** A value that completes an argument. */
export interface Suggestion {
  readonly value: string;
  /** Another name that people know it by, such as a run's display name. */
  readonly label?: string;
}

/**
 * Looks up values of an argument. `typed` is what has been typed so far, `given` the arguments that
 * are already filled in. Results need not match `typed`; the caller selects and limits them.
 */
export type Suggest = (
  typed: string,
  given: Readonly<Record<string, string>>,
  call: UpstreamCall,
) => Promise<readonly Suggestion[]>;

/** Look-ups by the name of what they complete, such as `experiment` or `project`. */
export type LookUps = Readonly<Record<string, Suggest>>;

/** The look-up of that name; inherited names such as `constructor` have none. */
export function lookUpNamed(lookUps: LookUps, name: string): Suggest | undefined {
  return Object.hasOwn(lookUps, name) ? lookUps[name] : undefined;
}

/** Look-ups that are loaded when one of them is first used. */
export function lateLookUps<Name extends string>(
  names: readonly Name[],
  load: () => Promise<Readonly<Record<Name, Suggest>>>,
): LookUps {
  const suggest = (name: Name): Suggest => async (...given) => await (await load())[name](...given);
  return Object.fromEntries(names.map((name) => [name, suggest(name)]));
}

/** An argument of a workflow. */
export interface WorkflowArgument {
  readonly description: string;
  /** Used when the argument is omitted; without one it is required, unless `optional`. */
  readonly fallback?: string | undefined;
  /** May be omitted although there is no fallback; it is then empty, and no text may use it. */
  readonly optional?: boolean;
  /** The name of the look-up that completes it; the argument's own name, if not given. */
  readonly lookUp?: string;
}

/**
 * One call: the tool, and what to do with it. Omitted if the tool is not listed, so its text names
 * no other tool. `or` marks an alternative to the step before.
 */
export type WorkflowStep = readonly [tool: string, text: string, or?: "or"];

/** A chain of calls that answers a common question; clients see it as a prompt. */
export interface Workflow<Name extends string = string> {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** What it is for, in a few words, for the instructions; left out there without it. */
  readonly brief?: string;
  /** Tools that it cannot do without: at least one of each group. */
  readonly needs: readonly (readonly string[])[];
  readonly arguments: Readonly<Record<Name, WorkflowArgument>>;
  /** The goal, the calls in order, and what the answer must contain. */
  write(values: Readonly<Record<Name, string>>): {
    readonly goal: string;
    readonly steps: readonly WorkflowStep[];
    readonly answer: string;
  };
}

/** Declares a workflow; its texts can use only its own arguments. */
export function workflow<Name extends string>(declared: Workflow<Name>): Workflow {
  return declared;
}
