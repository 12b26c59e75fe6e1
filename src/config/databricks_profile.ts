/**
 * Databricks' configuration file. The launcher reads it, so that the server needs no permission for
 * it; it is loaded only where the tracking URI is Databricks.
 *
 * @module
 */
import { nearest } from "../core/nearest.ts";
import { completeSettings, expandHome, findSection, membersOf, parseIni } from "./ini.ts";
import { profileInUri, readHost } from "./databricks.ts";
import type { Located, SettingKey, Settings } from "./settings.ts";

/** The file's names for the settings. */
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
 * The settings with what a profile of Databricks' configuration file gives and the environment does
 * not: the profile that is named, else `DEFAULT` where the environment names no workspace.
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
      : fail(`The Databricks profile "${named}" is not known: ${path} cannot be read.`);
  }
  const sections = await parseIni(text);
  const profile = findSection(sections, named ?? "DEFAULT");
  if (profile === undefined) {
    if (named === undefined) return nothing;
    const names = [...membersOf(sections).keys()].filter((name) => !name.startsWith("__"));
    const [near] = nearest(named, names, 1);
    return fail(
      `${path} has no profile "${named}"${near === undefined ? "." : `; did you mean "${near}"?`}`,
    );
  }
  const given = membersOf(profile);
  const { databricksHost } = settings;
  const host = given.get("host");
  if (
    databricksHost !== undefined && host !== undefined &&
    readHost(databricksHost)?.origin !== readHost(String(host))?.origin
  ) {
    return fail(
      `DATABRICKS_HOST and the Databricks profile "${named ?? "DEFAULT"}" name different ` +
        "workspaces: leave out one of them.",
    );
  }
  const databricksProfile = named ?? "DEFAULT";
  const source = `profile "${databricksProfile}" of ${path}`;
  return completeSettings({ ...settings, databricksProfile }, NAMES, given, source);
}
