import { PROXY_VARIABLES } from "../core/network.ts";
import type { ValueOf } from "./setting.ts";
import { AUTHORITY_VARIABLES } from "./authorities.ts";
import { NAMES_NOT_HONOURED } from "./not_honoured.ts";
import { AWS_SETTINGS, AZURE_SETTINGS, GOOGLE_SETTINGS } from "./settings/clouds.ts";
import { DATABRICKS_SETTINGS } from "./settings/databricks.ts";
import { MLFLOW_SETTINGS } from "./settings/mlflow.ts";
import { SERVER_SETTINGS } from "./settings/server.ts";
import { TOOLS_SETTINGS } from "./settings/tools.ts";
import { WANDB_SETTINGS } from "./settings/wandb.ts";

/** Every setting of wandflow, in the order of the help text. */
export const SETTINGS:
  & typeof MLFLOW_SETTINGS
  & typeof DATABRICKS_SETTINGS
  & typeof AWS_SETTINGS
  & typeof AZURE_SETTINGS
  & typeof GOOGLE_SETTINGS
  & typeof WANDB_SETTINGS
  & typeof TOOLS_SETTINGS
  & typeof SERVER_SETTINGS = {
    ...MLFLOW_SETTINGS,
    ...DATABRICKS_SETTINGS,
    ...AWS_SETTINGS,
    ...AZURE_SETTINGS,
    ...GOOGLE_SETTINGS,
    ...WANDB_SETTINGS,
    ...TOOLS_SETTINGS,
    ...SERVER_SETTINGS,
  };

/** A setting's name in code. */
export type SettingKey = keyof typeof SETTINGS;

/** The value of every setting; those without a default may be undefined. */
export type Settings = {
  readonly [K in SettingKey]: (typeof SETTINGS)[K] extends { default: unknown }
    ? ValueOf<(typeof SETTINGS)[K]>
    : ValueOf<(typeof SETTINGS)[K]> | undefined;
};

/** What another program's file adds to the settings. */
export interface Located {
  readonly settings: Settings;
  /** The source of each setting that the file provided. */
  readonly sources: Readonly<Partial<Record<SettingKey, string>>>;
  readonly errors: readonly string[];
}

/** Variables that are not settings but are read to locate the user's files. */
const LOCATION_VARIABLES = ["HOME", "USERPROFILE"] as const;

/** Variables that the runtime itself honours, regardless of settings and permissions. */
export const RUNTIME_VARIABLES = [
  "DENO_CERT",
  "DENO_TLS_CA_STORE",
  "NODE_EXTRA_CA_CERTS",
  "OTEL_DENO",
  "SSLKEYLOGFILE",
] as const;

/** Every environment variable that the program may read; all others read as undefined. */
export function environmentNames(): string[] {
  return [
    ...new Set([
      ...Object.values(SETTINGS).flatMap((setting) => [...setting.env]),
      ...NAMES_NOT_HONOURED,
      ...AUTHORITY_VARIABLES,
      ...LOCATION_VARIABLES,
      ...PROXY_VARIABLES,
      ...RUNTIME_VARIABLES,
    ]),
  ];
}
