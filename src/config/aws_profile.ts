/**
 * AWS's credentials and configuration files. The launcher reads them, so that the server needs no
 * permission for them; this is loaded only where requests are signed.
 *
 * @module
 */
import { findSection, membersOf } from "./ini.ts";
import type { Located, Settings } from "./settings.ts";

/** The files' names for the settings. */
const NAMES = {
  aws_access_key_id: "awsAccessKeyId",
  aws_secret_access_key: "awsSecretAccessKey",
  aws_session_token: "awsSessionToken",
  region: "awsRegion",
  role_arn: "awsRoleArn",
  web_identity_token_file: "awsIdentityTokenFile",
} as const;
/** Ways to keys that need other programs, a browser, or keys of another profile. */
const ELSEWHERE = ["credential_process", "sso_session", "sso_start_url", "source_profile"];

/** The settings with what a profile gives and the environment does not. */
export async function withAwsProfile(
  settings: Settings,
  home: string | undefined,
  read: (path: string) => string = Deno.readTextFileSync,
): Promise<Located> {
  const profile = settings.awsProfile ?? "default";
  // CommonJS: only its default export is there in the bundle, too.
  const { default: { parse } } = await import("ini");
  const load = (named: string | undefined, name: string, section: string) => {
    const path = expand(named ?? `~/.aws/${name}`, home);
    try {
      const text = path === undefined ? "" : read(path);
      return { path, values: membersOf(findSection(parse(text), section)) };
    } catch {
      return { path, values: new Map<string, unknown>() };
    }
  };
  const files = [
    load(settings.awsCredentialsFile, "credentials", profile),
    load(
      settings.awsConfigFile,
      "config",
      profile === "default" ? profile : `profile ${profile}`,
    ),
  ];
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
  const added = Object.fromEntries(
    Object.entries(NAMES).flatMap(([name, key]) => {
      const value = String(values.get(name) ?? "").trim();
      const wanted = name === "region" || !hasKeys;
      return value === "" || !wanted || settings[key] !== undefined ? [] : [[key, value]];
    }),
  );
  const source = `AWS profile "${profile}"`;
  return {
    settings: { ...settings, ...added },
    sources: Object.fromEntries(Object.keys(added).map((key) => [key, source])),
    errors: [],
  };
}

function expand(path: string, home: string | undefined): string | undefined {
  if (!/^~[\\/]/.test(path)) return path;
  return home === undefined || home === ""
    ? undefined
    : home.replace(/[\\/]+$/, "") + path.slice(1);
}
