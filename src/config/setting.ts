/** How a setting's text becomes a value. */
type SettingType = "string" | "boolean" | "integer" | "number" | "list" | "choice";

/** One setting: the single source of its flag, environment variable, help text and README row. */
export interface Setting {
  /** Environment variables that set it; the first that holds a value wins. */
  readonly env: readonly string[];
  /** Command-line flag without dashes; secrets have none, since process lists are public. */
  readonly flag?: string;
  readonly type: SettingType;
  /** Value when nothing sets it. */
  readonly default?: string | number | boolean | readonly string[];
  /** Allowed values of a `choice`. */
  readonly choices?: readonly string[];
  readonly min?: number;
  readonly max?: number;
  /** Never shown. */
  readonly secret?: boolean;
  /** Who sends a secret by HTTP Basic: the key of the setting with the user name, or the name. */
  readonly basicUser?: string;
  /** It takes something away: a leftover of a template is an error, not "not set". */
  readonly narrows?: boolean;
  /** Which part of the help it stands in. */
  readonly group: string;
  readonly help: string;
}

/** The type of a setting's value. */
export type ValueOf<S> = S extends { type: "choice"; choices: readonly (infer C)[] } ? C
  : S extends { type: "boolean" } ? boolean
  : S extends { type: "integer" | "number" } ? number
  : S extends { type: "list" } ? readonly string[]
  : string;
