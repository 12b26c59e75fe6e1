import { decodePercent } from "../core/values.ts";
import type { Proxies } from "../core/network.ts";
import type { Access } from "./access.ts";
import type { ConfigNote } from "./resolve.ts";
import { settingKeys } from "./resolve.ts";
import type { Setting } from "./setting.ts";
import { type SettingKey, SETTINGS, type Settings } from "./settings.ts";

/** What the launcher passes to the server: plain data, so it can be posted to the worker. */
export interface Config {
  /** The command to run, such as `stdio` or `call`. */
  readonly command: string;
  readonly words: readonly string[];
  /** Options of the command itself that are not settings, such as `--json`. */
  readonly options: Readonly<Record<string, string | boolean>>;
  readonly settings: Settings;
  /** Notes on values that were ignored. */
  readonly notes: readonly ConfigNote[];
  /** The user's home folder, if known. */
  readonly home: string | undefined;
  /** The proxies that the runtime uses; only for messages. */
  readonly proxies?: Proxies;
  /** Certificate authorities to trust besides the built-in ones, in PEM format. */
  readonly authorities?: readonly string[];
  readonly version: string;
  /** Where all of this comes from, for the commands that report it. */
  readonly origin?: Origin;
}

/** Where a configuration comes from. */
interface Origin {
  /** The variable or flag that set each setting; settings at their default are absent. */
  readonly sources: Readonly<Partial<Record<SettingKey, string>>>;
  readonly access: Access;
  /** The path of this program, if it is a compiled executable. */
  readonly program: string | undefined;
  /** Variables that are set and that the runtime itself honours. */
  readonly runtime: Readonly<Record<string, string>>;
}

/** All secrets to redact: the values of secret settings, and secrets within URLs. */
export function listSecrets(settings: Settings): string[] {
  return settingKeys().flatMap((key) => {
    const setting: Setting = SETTINGS[key];
    const value: unknown = settings[key];
    if (setting.secret !== true) return [value].flat().flatMap(secretsInUrl);
    if (typeof value !== "string") return [];
    if (setting.basicUser === undefined) return [value];
    const pair = `${userName(settings, setting.basicUser)}:${value}`;
    return [value, pair, basicForm(pair)];
  });
}

function userName(settings: Settings, user: string): string {
  const key = settingKeys().find((one) => one === user);
  return key === undefined ? user : String(settings[key] ?? "");
}

/** Secrets in a URL: its password, and query parameters whose names suggest a secret. */
export function secretsInUrl(uri: unknown): string[] {
  const url = typeof uri === "string" ? URL.parse(uri) : null;
  if (url === null) return [];
  const values = [...url.searchParams].flatMap(([name, value]) =>
    /auth|code|credential|key|pass|secret|sig|token/i.test(name) ? [value] : []
  );
  if (url.password === "") return values;
  const pair = `${decodePercent(url.username)}:${decodePercent(url.password)}`;
  return [...values, url.password, decodePercent(url.password), pair, basicForm(pair)];
}

function basicForm(text: string): string {
  return new TextEncoder().encode(text).toBase64();
}
