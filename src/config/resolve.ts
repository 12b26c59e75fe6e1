import { oneOf } from "../core/failure.ts";
import { listNotHonoured } from "./not_honoured.ts";
import type { Setting } from "./setting.ts";
import { type SettingKey, SETTINGS, type Settings } from "./settings.ts";

/** Something about the configuration that the user should know, but that stops nothing. */
export interface ConfigNote {
  /** The variable or flag that carried the value. */
  readonly source: string;
  readonly message: string;
}

/** Flags and environment become settings in one place. */
interface Resolved {
  readonly settings: Settings;
  /** The variable or flag that gave a setting its value, unless it is the default. */
  readonly sources: Readonly<Partial<Record<SettingKey, string>>>;
  /** Values that were passed over. */
  readonly notes: readonly ConfigNote[];
  /** Values that cannot be used; the program must not start with any. */
  readonly errors: readonly string[];
}

/**
 * Reads every setting: a flag wins over the environment, the environment over the default.
 *
 * @param flags Flag name (without dashes) to its text; `true` for a bare boolean flag.
 * @param env Looks up one environment variable.
 */
export function resolveSettings(
  flags: ReadonlyMap<string, string | boolean>,
  env: (name: string) => string | undefined,
): Resolved {
  const values: Record<string, unknown> = {};
  const given: Partial<Record<SettingKey, string>> = {};
  const notes: ConfigNote[] = [];
  const errors: string[] = [];
  for (const key of settingKeys()) {
    const setting: Setting = SETTINGS[key];
    values[key] = setting.default;
    for (const { source, text } of sources(setting, flags, env)) {
      const reading = readValue(setting, text);
      if (reading.kind === "value") {
        if (reading.note !== undefined) {
          notes.push({ source, message: `${source} ${reading.note}.` });
        }
        values[key] = reading.value;
        given[key] = source;
        break;
      }
      if (reading.kind === "error") {
        const reason = setting.secret === true ? "not usable" : reading.reason;
        errors.push(`${source}: ${reason}${reason.endsWith("?") ? "" : "."}`);
        break;
      }
      if (reading.reason !== undefined && setting.narrows === true) {
        errors.push(
          `${source}: ${reading.reason}. What it was meant to leave out would be listed: give it a value, ` +
            "or leave it empty.",
        );
        break;
      }
      if (reading.reason !== undefined) {
        notes.push({
          source,
          message: `${source} is treated as not set: ${reading.reason}.`,
        });
      }
    }
  }
  notes.push(...listNotHonoured(env));
  if (!isSettings(values)) throw new TypeError("A setting has a value of another type.");
  return { settings: values, sources: given, notes, errors };
}

/** The names of all settings, in their declared order. */
export function settingKeys(): SettingKey[] {
  return Object.keys(SETTINGS).filter(isSettingKey);
}

function isSettingKey(name: string): name is SettingKey {
  return Object.hasOwn(SETTINGS, name);
}

function* sources(
  setting: Setting,
  flags: ReadonlyMap<string, string | boolean>,
  env: (name: string) => string | undefined,
): Generator<{ source: string; text: string }> {
  const flag = setting.flag === undefined ? undefined : flags.get(setting.flag);
  if (flag !== undefined) yield { source: `--${setting.flag}`, text: String(flag) };
  for (const name of setting.env) {
    const text = env(name);
    if (text !== undefined) yield { source: name, text };
  }
}

function isSettings(values: Record<string, unknown>): values is Settings {
  return settingKeys().every((key) => {
    const setting: Setting = SETTINGS[key];
    const value = values[key];
    if (value === undefined) return setting.default === undefined;
    switch (setting.type) {
      case "boolean":
        return typeof value === "boolean";
      case "integer":
      case "number":
        return typeof value === "number";
      case "list":
        return Array.isArray(value);
      default:
        return typeof value === "string";
    }
  });
}

/** A value read from text, or why it cannot be one. */
type Reading =
  | {
    readonly kind: "value";
    readonly value: string | number | boolean | readonly string[];
    /** What is odd about the text, as the rest of a sentence. */
    readonly note?: string;
  }
  | { readonly kind: "unset"; readonly reason?: string }
  | { readonly kind: "error"; readonly reason: string };

/**
 * Reads a setting's text. Empty text, a `${…}` that a client left unexpanded and placeholders
 * such as `<MLFLOW_TRACKING_URI>` count as unset, with the reason where that is worth telling.
 */
function readValue(setting: Setting, raw: string): Reading {
  const text = raw.trim();
  const inner = /^(["'])(.*)\1$/s.exec(text)?.[2];
  if (inner === undefined) return readBare(setting, text);
  if (inner.trim() === "") return { kind: "unset" };
  // Not taken off a secret: it may be part of it.
  const reading = readBare(setting, setting.secret === true ? text : inner.trim());
  if (reading.kind !== "value") return reading;
  const note = setting.secret === true
    ? "begins and ends with quotation marks, which are sent as a part of it: an env file may have " +
      "kept them"
    : "is read without the quotation marks around it: an env file may have kept them";
  return { ...reading, note };
}

function readBare(setting: Setting, text: string): Reading {
  if (text === "") return { kind: "unset" };
  const left = setting.secret === true
    ? findSecretPlaceholder(setting, text)
    : findPlaceholder(text);
  if (left !== undefined) return { kind: "unset", reason: left };
  switch (setting.type) {
    case "string":
      return { kind: "value", value: text };
    case "list":
      return {
        kind: "value",
        value: text.split(",").map((part) => part.trim()).filter((part) => part !== ""),
      };
    case "boolean":
      return readBoolean(text);
    case "integer":
    case "number":
      return readNumber(setting, text);
    case "choice":
      return readChoice(setting, text);
  }
}

/** Says why a text is a leftover of a configuration template, or undefined when it is not. */
function findPlaceholder(text: string): string | undefined {
  if (/^\$\{[^}]*\}$/.test(text) || /^\$\{?[A-Za-z_][A-Za-z0-9_]*\}?$/.test(text)) {
    return `it is the literal text ${text}: the client did not replace the variable, ` +
      "most likely because it is not set where the client runs";
  }
  if (/^<[^<>]*>$/.test(text) || /^your[-_ ][a-z_ -]*$/i.test(text)) {
    return `it is the placeholder ${text} from an example: put the real value there`;
  }
  if (!text.includes("://")) return undefined;
  if (/<[^<>]*>/.test(text)) return "it holds a placeholder in angle brackets from an example";
  const variable = /\$\{[^{}]*\}/.exec(text)?.[0];
  return variable === undefined
    ? undefined
    : `it holds the literal text ${variable}, which the client did not replace`;
}

/** The same for a secret, which may well begin with a dollar sign and is never quoted. */
function findSecretPlaceholder(setting: Setting, text: string): string | undefined {
  const names = setting.env.flatMap((name) => [`$${name}`, `<${name}>`]);
  return /^\$\{[^{}]*\}$/.test(text) || /^<[^<>]*(key|token|password)[^<>]*>$/i.test(text) ||
      /^your[-_ ][a-z_ -]*(key|token|password)$/i.test(text) || names.includes(text)
    ? "it is the text of an example, or of a variable that the client did not replace"
    : undefined;
}

function readBoolean(text: string): Reading {
  if (/^(1|true|yes|on)$/i.test(text)) return { kind: "value", value: true };
  if (/^(0|false|no|off)$/i.test(text)) return { kind: "value", value: false };
  return { kind: "error", reason: `"${text}" is neither true nor false` };
}

function readNumber(setting: Setting, text: string): Reading {
  const value = Number(text);
  if (!Number.isFinite(value)) return { kind: "error", reason: `"${text}" is not a number` };
  if (setting.type === "integer" && !Number.isInteger(value)) {
    return { kind: "error", reason: `"${text}" is not a whole number` };
  }
  if (setting.min !== undefined && value < setting.min) {
    return { kind: "error", reason: `${text} is below ${setting.min}` };
  }
  if (setting.max !== undefined && value > setting.max) {
    return { kind: "error", reason: `${text} is above ${setting.max}` };
  }
  return { kind: "value", value };
}

function readChoice(setting: Setting, text: string): Reading {
  const choices = setting.choices ?? [];
  const found = choices.find((choice) => choice.toLowerCase() === text.toLowerCase());
  if (found !== undefined) return { kind: "value", value: found };
  return { kind: "error", reason: `"${text}" is not ${oneOf(choices)}` };
}
