import type { Setting } from "./setting.ts";
import { type SettingKey, SETTINGS, type Settings } from "./settings.ts";
import { MLFLOW_NOT_HONOURED } from "./settings/mlflow.ts";
import { readValue } from "./values.ts";

/** Something about the configuration that the user should know, but that stops nothing. */
export interface ConfigNote {
  readonly setting: SettingKey;
  /** The variable or flag that carried the value. */
  readonly source: string;
  readonly message: string;
}

/** Flags and environment become settings in one place. */
interface Resolved {
  readonly settings: Settings;
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
  const notes: ConfigNote[] = [];
  const errors: string[] = [];
  for (const key of settingKeys()) {
    const setting: Setting = SETTINGS[key];
    values[key] = setting.default;
    for (const { source, text } of sources(setting, flags, env)) {
      const reading = readValue(setting, text);
      if (reading.kind === "value") {
        values[key] = reading.value;
        break;
      }
      if (reading.kind === "error") {
        const reason = setting.secret === true ? "not usable" : reading.reason;
        errors.push(`${source}: ${reason}${reason.endsWith("?") ? "" : "."}`);
        break;
      }
      if (reading.reason !== undefined && setting.narrows === true) {
        errors.push(
          `${source}: ${reading.reason}. What it was to leave out would be listed: give it a value, ` +
            "or leave it empty.",
        );
        break;
      }
      if (reading.reason !== undefined) {
        notes.push({
          setting: key,
          source,
          message: `${source} is treated as not set: ${reading.reason}.`,
        });
      }
    }
  }
  for (const [source, consequence] of Object.entries(MLFLOW_NOT_HONOURED)) {
    if ((env(source)?.trim() ?? "") === "") continue;
    const message = `${source} is not honoured: ${consequence}.`;
    notes.push({ setting: "trackingUri", source, message });
  }
  if (!isSettings(values)) throw new TypeError("A setting has a value of another type.");
  return { settings: values, notes, errors };
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
