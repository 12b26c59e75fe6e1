import { decodePercent } from "../core/values.ts";
import type { Proxies } from "../core/network.ts";
import type { Access } from "./access.ts";
import type { ConfigNote } from "./resolve.ts";
import { settingKeys } from "./resolve.ts";
import type { Setting } from "./setting.ts";
import { type SettingKey, SETTINGS, type Settings } from "./settings.ts";

/** What the launcher hands to the server: plain data, so that it crosses to the worker as it is. */
export interface Config {
  /** The command to run, such as `stdio` or `call`. */
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
  /** Authorities to trust besides the built-in ones, as PEM texts. */
  readonly authorities?: readonly string[];
  readonly version: string;
  /** Where all of this comes from, for the commands that tell of it. */
  readonly origin?: Origin;
}

/** Where a configuration comes from and what follows from it. */
export interface Origin {
  /** The variable or flag that gave a setting its value, unless it is the default. */
  readonly sources: Readonly<Partial<Record<SettingKey, string>>>;
  readonly access: Access;
  /** This program's file, where it is an executable of its own. */
  readonly program: string | undefined;
  /** Variables that the runtime itself obeys and that are set. */
  readonly runtime: Readonly<Record<string, string>>;
}

/** The values of all secret settings, and what addresses hold of secrets, for redaction. */
export function secretsOf(settings: Settings): string[] {
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

/** What an address holds of secrets: its password, and what its query calls one. */
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
