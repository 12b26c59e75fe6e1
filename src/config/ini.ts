/** What other programs' INI files say. */
import type { Located, SettingKey, Settings } from "./settings.ts";

/** The sections of an INI file; the library loads with the first. */
export async function parseIni(text: string): Promise<unknown> {
  // CommonJS: only its default export is there in the bundle, too.
  const { default: { parse } } = await import("ini");
  return parse(text);
}

/** A path with its `~`; undefined where nobody knows the home folder. */
export function expandHome(path: string, home: string | undefined): string | undefined {
  if (!/^~[\\/]/.test(path)) return path;
  return home === undefined || home === ""
    ? undefined
    : home.replace(/[\\/]+$/, "") + path.slice(1);
}

/**
 * The settings with what a profile gives and the environment does not.
 *
 * @param names The profile's names for the settings.
 * @param source What to show for where they are from.
 */
export function completeSettings(
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

/** A section of an INI file; the library takes dots in names for levels. */
export function findSection(sections: unknown, name: string): unknown {
  const whole = membersOf(sections).get(name);
  if (whole !== undefined) return whole;
  return name.split(".").reduce<unknown>((node, part) => membersOf(node).get(part), sections);
}

/** The members of a section, or of whatever else was read. */
export function membersOf(value: unknown): Map<string, unknown> {
  return new Map(typeof value === "object" && value !== null ? Object.entries(value) : []);
}
