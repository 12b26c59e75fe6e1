import { percentDecoded } from "../core/percent.ts";
import type { Proxies } from "../core/proxy.ts";
import type { ConfigNote } from "./resolve.ts";
import type { Setting } from "./setting.ts";
import { SETTINGS, type Settings } from "./settings.ts";
import { settingKeys } from "./resolve.ts";

/** What the launcher hands to the server: plain data, so that it crosses to the worker as it is. */
export interface Config {
  /** The command to run: `stdio`, `serve`, `tools` or `call`. */
  readonly command: string;
  readonly words: readonly string[];
  /** Options of the command itself that are no settings, such as `--json`. */
  readonly options: Readonly<Record<string, string | boolean>>;
  readonly settings: Settings;
  /** Values that were passed over. */
  readonly notes: readonly ConfigNote[];
  /** The user's home folder, if known. */
  readonly home: string | undefined;
  /** The proxies that the runtime uses, for messages. */
  readonly proxies?: Proxies;
  readonly version: string;
}

/** The values of all secret settings, for redaction. */
export function secretsOf(settings: Settings): string[] {
  return settingKeys().flatMap((key) => {
    const setting: Setting = SETTINGS[key];
    const value = settings[key];
    if (setting.secret !== true || typeof value !== "string") return [];
    // Also as HTTP Basic carries them.
    if (key === "wandbApiKey") return [value, basicForm(`api:${value}`)];
    if (key !== "trackingPassword") return [value];
    const pair = `${settings.trackingUsername ?? ""}:${value}`;
    return [value, pair, basicForm(pair)];
  }).concat(secretsInUrl(settings.trackingUri), secretsInUrl(settings.wandbBaseUrl));
}

/** What an address holds of secrets: its password, and what its query calls one. */
function secretsInUrl(uri: string | undefined): string[] {
  const url = uri === undefined ? null : URL.parse(uri);
  if (url === null) return [];
  const values = [...url.searchParams].flatMap(([name, value]) =>
    /auth|code|credential|key|pass|secret|sig|token/i.test(name) ? [value] : []
  );
  if (url.password === "") return values;
  const pair = `${percentDecoded(url.username)}:${percentDecoded(url.password)}`;
  return [...values, url.password, percentDecoded(url.password), pair, basicForm(pair)];
}

function basicForm(text: string): string {
  return new TextEncoder().encode(text).toBase64();
}
