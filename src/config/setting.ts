/** The type to which a setting's text is parsed. */
type SettingType = "string" | "boolean" | "integer" | "number" | "list" | "choice";

/** One setting: the single source of its flag, environment variable, help text and README row. */
export interface Setting {
  /** Environment variables that set it; the first that holds a value wins. */
  readonly env: readonly string[];
  /** Command-line flag without dashes; secrets have none, since process lists are public. */
  readonly flag?: string;
  readonly type: SettingType;
  /** The value if nothing sets it. */
  readonly default?: string | number | boolean | readonly string[];
  /** Allowed values of a `choice`. */
  readonly choices?: readonly string[];
  readonly min?: number;
  readonly max?: number;
  /** Whether the value must never be shown. */
  readonly secret?: boolean;
  /** For a secret sent by HTTP Basic: the user name, or the key of the setting that holds it. */
  readonly basicUser?: string;
  /** Whether it restricts something; a leftover template placeholder is then an error, not "unset". */
  readonly narrows?: boolean;
  /** The section of the help that lists it. */
  readonly group: string;
  readonly help: string;
}

/** The type of a setting's value. */
export type ValueOf<S> = S extends { type: "choice"; choices: readonly (infer C)[] } ? C
  : S extends { type: "boolean" } ? boolean
  : S extends { type: "integer" | "number" } ? number
  : S extends { type: "list" } ? readonly string[]
  : string;
