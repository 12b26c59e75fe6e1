import { percentDecoded } from "./text.ts";
import { buildObject } from "./values.ts";

/** Secrets shorter than this are ordinary words, too: they are looked for beside credentials only. */
const DISTINCT = 6;

/**
 * Replaces secrets in a text, in the forms that servers and clients write them in: percent-encoded,
 * as a form, JSON text, JSON in JSON, Base64; also what a cut left of one. Short ones only behind a
 * name such as `password=`, a colon before a host, or alone in their text.
 */
export function createRedactor(secrets: Iterable<string>): (text: string) => string {
  const needles = new Set<string>();
  const short = new Set<string>();
  for (const secret of secrets) {
    if (secret === "") continue;
    if (secret.length < DISTINCT) short.add(secret);
    else for (const form of writtenForms(secret)) needles.add(form);
  }
  const ordered = [...needles].sort((a, b) => b.length - a.length);
  const guarded = [...short].map((secret) => {
    const word = `${escapeRegExp(secret)}(?![\\w%])`;
    return new RegExp(
      `^\\s*${word}\\s*$|${CREDENTIAL}${word}|(?<=://[^\\s/@]*:)${word}(?=@)`,
      "gi",
    );
  });
  const replace = (text: string) =>
    guarded.reduce(
      (result, pattern) => result.replace(pattern, "***"),
      hideHeads(
        ordered.reduce((result, needle) => result.replaceAll(needle, "***"), text),
        ordered,
      ),
    );
  const escapes = matchEscapes([...needles, ...short]);
  return (text) => {
    const replaced = replace(text);
    // Any of a secret's characters may be escaped, or all; what hides one so is shown decoded.
    const decoded = decodeEscapes(replaced, escapes);
    if (decoded === replaced) return replaced;
    const clean = replace(decoded);
    return clean === decoded ? replaced : clean;
  };
}

/** Of a secret that a cut goes through, fewer of its first characters say nothing. */
const HEAD = 8;

/** A text without the beginnings of secrets that a cut left: every cut is marked by "…". */
function hideHeads(text: string, needles: readonly string[]): string {
  if (!text.includes("…")) return text;
  const [longest = ""] = needles;
  return text.split("…").map((part, index, parts) => {
    if (index === parts.length - 1) return part;
    const from = Math.max(0, part.length - longest.length);
    const end = part.slice(from);
    const starts = needles.flatMap((needle) => {
      const at = findHead(end, needle);
      return at === -1 ? [] : [at];
    });
    return starts.length === 0 ? part : `${part.slice(0, from + Math.min(...starts))}***`;
  }).join("…");
}

/** Where the text's end begins that is a needle's beginning; -1 when it is not. */
function findHead(text: string, needle: string): number {
  const head = needle.slice(0, HEAD);
  for (let at = text.indexOf(head); at !== -1; at = text.indexOf(head, at + 1)) {
    if (needle.startsWith(text.slice(at))) return at;
  }
  return -1;
}

/** Text in JSON in an address is escaped twice. */
const LAYERS = 3;

function decodeEscapes(text: string, escapes: RegExp): string {
  let decoded = text;
  for (let layer = 0; layer < LAYERS; layer++) {
    const before = decoded;
    decoded = before.replace(escapes, decodeEscape);
    if (decoded === before) break;
  }
  return decoded;
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "amp",
  "<": "lt",
  ">": "gt",
  '"': "quot",
  "'": "apos",
};

/** The ways to write the characters of some secrets by their codes; other escapes cost no time. */
function matchEscapes(secrets: Iterable<string>): RegExp {
  const characters = [...new Set([...secrets].join(""))];
  const units = [...new Set(characters.join("").split(""))].map((unit) => unit.charCodeAt(0));
  const any = (forms: readonly string[]) => forms.length === 0 ? "(?!)" : forms.join("|");
  const hex = (value: number, digits: number) => value.toString(16).padStart(digits, "0");
  const bytes = characters.map((one) =>
    [...new TextEncoder().encode(one)].map((byte) => hex(byte, 2)).join("%")
  );
  const points = characters.map((one) => one.codePointAt(0) ?? 0);
  const entities = characters.flatMap((one) => ENTITIES[one] ?? []);
  return new RegExp(
    [
      String.raw`(?<!\\)\\+(?:u(${any(units.map((unit) => hex(unit, 4)))})`,
      `x(${any(units.filter((unit) => unit < 256).map((unit) => hex(unit, 2)))}))`,
      `%(${any(bytes)})`,
      `&(?:#x0*(${any(points.map((point) => hex(point, 1)))})`,
      `#0*(${any(points.map(String))})`,
      `(${any(entities)}));`,
    ].join("|"),
    "gi",
  );
}

function decodeEscape(
  whole: string,
  unit?: string,
  byte?: string,
  percent?: string,
  hex?: string,
  decimal?: string,
  entity?: string,
): string {
  if (percent !== undefined) return percentDecoded(whole);
  if (entity !== undefined) {
    const name = entity.toLowerCase();
    return Object.keys(ENTITIES).find((sign) => ENTITIES[sign] === name) ?? whole;
  }
  if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
  return String.fromCodePoint(Number.parseInt(unit ?? byte ?? hex ?? "", 16));
}

/** What stands before a value that is a credential. */
const CREDENTIAL = String
  .raw`(?<=(?:pass(?:word|wd|phrase)?|pwd|secret|token|credentials?|authorization|bearer|basic|key)\\?["']?\s*[:=]?\s*\\?["']?)`;

function escapeRegExp(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}

function writtenForms(secret: string): string[] {
  const whole = secret.toWellFormed();
  const bytes = new TextEncoder().encode(secret);
  const quoted = JSON.stringify(secret).slice(1, -1);
  // As Python writes it.
  const ascii = quoted.replaceAll(
    /[^\x20-\x7E]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  const percent = encodeURIComponent(whole);
  return [
    secret,
    percent,
    percent.replaceAll(/%../g, (code) => code.toLowerCase()),
    String(new URLSearchParams([["", whole]])).slice(1),
    ...[quoted, ascii, quoted.replaceAll("/", "\\/")].flatMap((text) => [
      text,
      // As text that stands inside JSON text.
      JSON.stringify(text).slice(1, -1),
    ]),
    bytes.toBase64({ omitPadding: true }),
    bytes.toBase64({ alphabet: "base64url", omitPadding: true }),
    ...writtenNumber(secret),
  ];
}

/** The digits of a secret that is a number, as they come back from a parser: `007` as `7`. */
function writtenNumber(secret: string): string[] {
  const number = Number(secret);
  const text = String(number);
  return /^[+-]?\d/.test(secret) && Number.isFinite(number) && text.length >= DISTINCT
    ? [text]
    : [];
}

/**
 * A JSON value with every text, number and key of it redacted; what holds no secret is given back as
 * it is. Numbers and truth values are taken for a short secret only under a name such as `password`.
 */
export function redactDeep(value: unknown, redact: (text: string) => string): unknown {
  const plain = listNumbers(value);
  const hasNumbers = redact(plain) !== plain;
  const keys = new Map<string, string>();
  const redactName = (key: string): string => {
    const clean = keys.get(key) ?? redactKey(key, redact);
    keys.set(key, clean);
    return clean;
  };
  const visit = (node: unknown, name: string, depth: number): unknown => {
    if (typeof node === "string") return redact(node);
    if (node === null || node === undefined) return node;
    if (Array.isArray(node)) {
      const copy = node.map((item) => visit(item, name, depth));
      return copy.every((item, index) => item === node[index]) ? node : copy;
    }
    if (typeof node !== "object") {
      if (!hasNumbers) return node;
      const shown = String(node);
      return redact(`${name}=${shown}`).endsWith(`=${shown}`) ? node : "***";
    }
    const entries = Object.entries(node);
    const copies = entries.map(([key, child]): [string, unknown] => [
      // A tool's own names, such as `experiment`, may be somebody's password.
      depth === 0 && OWN_NAME.test(key) ? key : redactName(key),
      visit(child, key, depth + 1),
    ]);
    const same = copies.every(([key, child], index) =>
      key === entries[index]?.[0] && child === entries[index]?.[1]
    );
    return same ? node : buildObject(copies);
  };
  return visit(value, "", 0);
}

/** Every number and truth value with its name, as one text: most results hold no secret there. */
function listNumbers(value: unknown): string {
  const lines: string[] = [];
  const visit = (node: unknown, name: string): void => {
    if (Array.isArray(node)) { for (const item of node) visit(item, name); }
    else if (node !== null && typeof node === "object") {
      for (const [key, child] of Object.entries(node)) visit(child, key);
    } else if (typeof node !== "string") lines.push(`${name}=${String(node)}`);
  };
  visit(value, "");
  return lines.join("\n");
}

const OWN_NAME = /^[a-z_]+$/;

function redactKey(key: string, redact: (text: string) => string): string {
  // With the colon it does not stand alone, as short secrets do: they are words, too.
  return OWN_NAME.test(key) ? redact(`${key}:`).slice(0, -1) : redact(key);
}
