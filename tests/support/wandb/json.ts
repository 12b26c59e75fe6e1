/** JSON with the bare NaN, Infinity and -Infinity tokens that W&B's clients send. */
import { z } from "zod";

const TOKEN = /"(?:[^"\\]|\\.)*"|-?\bInfinity\b|\bNaN\b/gs;
const NAMES = new Set(["NaN", "Infinity", "-Infinity"]);

/** A JSON object. */
export const JsonObject = z.record(z.string(), z.unknown());
/** Its type. */
export type JsonObject = z.infer<typeof JsonObject>;

/** The same text with non-finite tokens as strings. */
export function quoteNonFinite(text: string): string {
  return text.replaceAll(TOKEN, (token) => NAMES.has(token) ? `"${token}"` : token);
}

/** The same text with those strings, where they are values, as bare tokens. */
export function bareNonFinite(text: string): string {
  return text.replaceAll(
    /("(?:[^"\\]|\\.)*")(\s*:)?/gs,
    (all, token, colon) =>
      colon === undefined && NAMES.has(token.slice(1, -1)) ? token.slice(1, -1) : all,
  );
}

/** Parses, giving the strings "NaN", "Infinity" and "-Infinity" for such numbers. */
export function parseLoose(text: string): unknown {
  return JSON.parse(quoteNonFinite(text));
}

/** Parses an object; anything else is empty. */
export function parseObject(text: string | null | undefined): JsonObject {
  if (text === null || text === undefined || text === "") return {};
  const parsed = JsonObject.safeParse(parseLoose(text));
  return parsed.success ? parsed.data : {};
}

/** The value at `key`: as such, else along its dots. */
export function lookup(value: unknown, key: string): unknown {
  const object = JsonObject.safeParse(value);
  if (!object.success) return undefined;
  if (Object.hasOwn(object.data, key)) return object.data[key];
  for (let dot = key.indexOf("."); dot > 0; dot = key.indexOf(".", dot + 1)) {
    const head = key.slice(0, dot);
    if (!Object.hasOwn(object.data, head)) continue;
    const found = lookup(object.data[head], key.slice(dot + 1));
    if (found !== undefined) return found;
  }
  return undefined;
}
