/** Settings from the configuration files of AWS and Databricks; the launcher reads them if used. */
import { profileInUri, readHost } from "./databricks.ts";
import type { Located, SettingKey, Settings } from "./settings.ts";
import { nearest } from "../core/failure.ts";

/** The sections of an INI file. The parser is loaded on first use. */
export async function parseIni(text: string): Promise<unknown> {
  // A CommonJS package: in the bundle it has only a default export.
  const { default: { parse } } = await import("ini");
  return parse(text);
}

/** A path with `~` expanded; undefined if the home folder is unknown. */
function expandHome(path: string, home: string | undefined): string | undefined {
  if (!/^~[\\/]/.test(path)) return path;
  return home === undefined || home === ""
    ? undefined
    : home.replace(/[\\/]+$/, "") + path.slice(1);
}

/**
 * The settings, with those that the environment lacks filled in from a profile.
 *
 * @param names The profile's names for the settings.
 * @param source What to show as the source of these values.
 */
function completeSettings(
  settings: Settings,
  names: Readonly<Record<string, SettingKey>>,
  given: ReadonlyMap<string, unknown>,
  source: string,
): Located {
  const added = Object.fromEntries(
    Object.entries(names).flatMap(([name, key]) => {
      const value = String(given.get(name) ?? "").trim();
      return value === "" || settings[key] !== undefined ? [] : [[key, value]];
    }),
  );
  return {
    settings: { ...settings, ...added },
    sources: Object.fromEntries(Object.keys(added).map((key) => [key, source])),
    errors: [],
  };
}

/** A section of an INI file; the parser treats dots in names as nesting. */
function findSection(sections: unknown, name: string): unknown {
  const whole = collectMembers(sections).get(name);
  if (whole !== undefined) return whole;
  return name.split(".").reduce<unknown>((node, part) => collectMembers(node).get(part), sections);
}

/** The members of a section; empty if the value is not an object. */
export function collectMembers(value: unknown): Map<string, unknown> {
  return new Map(typeof value === "object" && value !== null ? Object.entries(value) : []);
}

/** AWS's names for the settings. */
const REGION: Readonly<Record<string, SettingKey>> = { region: "awsRegion" };
const KEYS: Readonly<Record<string, SettingKey>> = {
  aws_access_key_id: "awsAccessKeyId",
  aws_secret_access_key: "awsSecretAccessKey",
  aws_session_token: "awsSessionToken",
  role_arn: "awsRoleArn",
  web_identity_token_file: "awsIdentityTokenFile",
};
/** Ways to get keys that need other programs, a browser, or another profile's keys. */
const ELSEWHERE = ["credential_process", "sso_session", "sso_start_url", "source_profile"];

/** The settings, with those that the environment lacks filled in from an AWS profile. */
export async function withAwsProfile(
  settings: Settings,
  home: string | undefined,
  read: (path: string) => string = Deno.readTextFileSync,
): Promise<Located> {
  const profile = settings.awsProfile ?? "default";
  const load = async (named: string | undefined, name: string, section: string) => {
    const path = expandHome(named ?? `~/.aws/${name}`, home);
    try {
      const text = path === undefined ? "" : read(path);
      return { path, values: collectMembers(findSection(await parseIni(text), section)) };
    } catch {
      return { path, values: new Map<string, unknown>() };
    }
  };
  const files = await Promise.all([
    load(settings.awsCredentialsFile, "credentials", profile),
    load(
      settings.awsConfigFile,
      "config",
      profile === "default" ? profile : `profile ${profile}`,
    ),
  ]);
  const nothing = { settings, sources: {}, errors: [] };
  const values = new Map(files.toReversed().flatMap((file) => [...file.values]));
  const hasKeys = settings.awsAccessKeyId !== undefined || settings.awsRoleArn !== undefined;
  if (values.size === 0) {
    const missing = settings.awsProfile !== undefined && !hasKeys;
    const paths = files.map(({ path }) => path).join(" and ");
    return missing
      ? { ...nothing, errors: [`AWS_PROFILE: ${paths} have no profile "${profile}".`] }
      : nothing;
  }
  const elsewhere = ELSEWHERE.find((name) => values.has(name));
  if (!hasKeys && elsewhere !== undefined && !values.has("aws_access_key_id")) {
    return {
      ...nothing,
      errors: [
        `AWS_PROFILE: profile "${profile}" gets its keys from ${elsewhere}, which needs other ` +
        "programs. Export them first: " +
        `eval "$(aws configure export-credentials --profile ${profile} --format env)".`,
      ],
    };
  }
  // Keys belong together: never mix keys from the environment with keys from a file.
  const names = hasKeys ? REGION : { ...KEYS, ...REGION };
  return completeSettings(settings, names, values, `AWS profile "${profile}"`);
}

/** Databricks' names for the settings. */
const NAMES: Readonly<Record<string, SettingKey>> = {
  host: "databricksHost",
  token: "databricksToken",
  client_id: "databricksClientId",
  client_secret: "databricksClientSecret",
  workspace_id: "databricksWorkspaceId",
  auth_type: "databricksAuthType",
  azure_tenant_id: "armTenantId",
  azure_client_id: "armClientId",
  azure_client_secret: "armClientSecret",
  azure_environment: "armEnvironment",
  azure_workspace_resource_id: "azureResourceId",
};

/**
 * The settings, with those that the environment lacks filled in from a profile in Databricks'
 * configuration file: the named profile, or `DEFAULT` if the environment names no workspace.
 */
export async function withDatabricksProfile(
  settings: Settings,
  home: string | undefined,
  read: (path: string) => string = Deno.readTextFileSync,
): Promise<Located> {
  const nothing = { settings, sources: {}, errors: [] };
  const named = profileInUri(settings.trackingUri) ?? settings.databricksProfile;
  if (named?.includes(":") === true) return nothing;
  if (named === undefined && settings.databricksHost !== undefined) return nothing;
  const file = settings.databricksConfigFile;
  const path = expandHome(file ?? "~/.databrickscfg", home) ?? file;
  if (path === undefined) return nothing;
  const fail = (error: string) => ({ ...nothing, errors: [error] });
  let text: string;
  try {
    text = read(path);
  } catch {
    return named === undefined
      ? nothing
      : fail(`The Databricks profile "${named}" is unknown: ${path} cannot be read.`);
  }
  const sections = await parseIni(text);
  const profile = findSection(sections, named ?? "DEFAULT");
  if (profile === undefined) {
    if (named === undefined) return nothing;
    const names = [...collectMembers(sections).keys()].filter((name) => !name.startsWith("__"));
    const [near] = nearest(named, names, 1);
    return fail(
      `${path} has no profile "${named}"${near === undefined ? "." : `; did you mean "${near}"?`}`,
    );
  }
  const given = collectMembers(profile);
  const { databricksHost } = settings;
  const host = given.get("host");
  if (
    databricksHost !== undefined && host !== undefined &&
    readHost(databricksHost)?.origin !== readHost(String(host))?.origin
  ) {
    return fail(
      `DATABRICKS_HOST and the Databricks profile "${named ?? "DEFAULT"}" name different ` +
        "workspaces: remove one of them.",
    );
  }
  const databricksProfile = named ?? "DEFAULT";
  const source = `profile "${databricksProfile}" of ${path}`;
  return completeSettings({ ...settings, databricksProfile }, NAMES, given, source);
}
