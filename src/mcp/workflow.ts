/** Something that completes an argument. */
export interface Suggestion {
  /** What is put in. */
  readonly value: string;
  /** Another name that people know it by, such as a run's display name. */
  readonly label?: string;
}

/**
 * Looks up values of an argument. `typed` is what is there so far, `given` the arguments that are
 * filled in already. What comes back need not fit `typed`; the caller chooses and bounds.
 */
export type Suggest = (
  typed: string,
  given: Readonly<Record<string, string>>,
  signal: AbortSignal,
) => Promise<readonly Suggestion[]>;

/** An argument of a workflow; texts name it as `{name}`. */
export interface WorkflowArgument {
  /** Its name. */
  readonly name: string;
  /** What it is, for people. */
  readonly description: string;
  /** Taken when it is left out; without one it is required, unless `optional`. */
  readonly fallback?: string | undefined;
  /** May be left out although there is no fallback; no text may name it then. */
  readonly optional?: boolean;
  /** The look-up that completes it, by name; the one called as the argument, if not given. */
  readonly lookUp?: string;
}

/** Look-ups by the name of what they complete, such as `experiment` or `project`. */
export type LookUps = Readonly<Record<string, Suggest>>;

/** The look-up of that name. */
export function lookUpNamed(lookUps: LookUps, name: string): Suggest | undefined {
  return Object.entries(lookUps).find(([key]) => key === name)?.[1];
}

/** One step of a workflow. */
export interface WorkflowStep {
  /** The tool; the step is left out where it is not listed. */
  readonly tool: string;
  /** What to do with it. Names no other tool. */
  readonly text: string;
  /** Another way to the same end as the step before. */
  readonly instead?: boolean;
}

/** A chain of calls that answers a common question; clients see it as a prompt. */
export interface Workflow {
  /** The prompt's name. */
  readonly name: string;
  /** The name people see. */
  readonly title: string;
  /** What it finds out. */
  readonly description: string;
  /** What it is for, in few words, for the instructions; left out there without it. */
  readonly brief?: string;
  /** Its arguments. */
  readonly arguments: readonly WorkflowArgument[];
  /** What is wanted, as one sentence. */
  readonly goal: string;
  /** The calls, in order. */
  readonly steps: readonly WorkflowStep[];
  /** Tools it makes no sense without: of each group at least one. */
  readonly needs: readonly (readonly string[])[];
  /** What the answer is to hold. */
  readonly answer: string;
}
