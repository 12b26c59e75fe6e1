/**
 * AWS's credentials and configuration files. The launcher reads them, so that the server needs no
 * permission for them; this is loaded only where requests are signed.
 *
 * @module
 */
import { completeSettings, expandHome, findSection, membersOf, parseIni } from "./ini.ts";
import type { Located, SettingKey, Settings } from "./settings.ts";

/** The files' names for the settings. */
const REGION: Readonly<Record<string, SettingKey>> = { region: "awsRegion" };
const KEYS: Readonly<Record<string, SettingKey>> = {
  aws_access_key_id: "awsAccessKeyId",
  aws_secret_access_key: "awsSecretAccessKey",
  aws_session_token: "awsSessionToken",
  role_arn: "awsRoleArn",
  web_identity_token_file: "awsIdentityTokenFile",
};
/** Ways to keys that need other programs, a browser, or keys of another profile. */
const ELSEWHERE = ["credential_process", "sso_session", "sso_start_url", "source_profile"];

/** The settings with what a profile gives and the environment does not. */
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
      return { path, values: membersOf(findSection(await parseIni(text), section)) };
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
        `AWS_PROFILE: profile "${profile}" gets its keys by ${elsewhere}, which takes other ` +
        "programs. Export them before the start: " +
        `eval "$(aws configure export-credentials --profile ${profile} --format env)".`,
      ],
    };
  }
  // Keys belong together: those of the environment are not completed from a file.
  const names = hasKeys ? REGION : { ...KEYS, ...REGION };
  return completeSettings(settings, names, values, `AWS profile "${profile}"`);
}
