import { oneOf } from "../core/nearest.ts";
import type { Setting } from "./setting.ts";

/** A value read from text, or why it cannot be one. */
export type Reading =
  | { readonly kind: "value"; readonly value: string | number | boolean | readonly string[] }
  | { readonly kind: "unset"; readonly reason?: string }
  | { readonly kind: "error"; readonly reason: string };

/**
 * Reads a setting's text. Empty text, a `${…}` that a client left unexpanded and placeholders
 * such as `<MLFLOW_TRACKING_URI>` count as unset, with the reason where that is worth telling.
 */
export function readValue(setting: Setting, raw: string): Reading {
  const text = raw.trim();
  if (text === "") return { kind: "unset" };
  const left = setting.secret === true ? leftInSecret(setting, text) : unexpanded(text);
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
function unexpanded(text: string): string | undefined {
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
function leftInSecret(setting: Setting, text: string): string | undefined {
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
  return { kind: "error", reason: `"${text}" is none of ${oneOf(choices)}` };
}
