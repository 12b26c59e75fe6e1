import { isRecord, tryParseJson } from "./json.ts";
import { decodePercent, once } from "./values.ts";

/** Levels as the MCP servers of both projects name them, least urgent first. */
export const LOG_LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR"] as const;

/** One of {@link LOG_LEVELS}. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Fields that accompany a log line; values are shown as JSON. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Writes to stderr: stdout belongs to the protocol. */
export interface Log {
  /** Details for somebody who looks for a fault. */
  debug(message: string, fields?: LogFields): void;
  /** Normal events worth a line. */
  info(message: string, fields?: LogFields): void;
  /** Something is off but the program goes on. */
  warning(message: string, fields?: LogFields): void;
  /** Something failed. */
  error(message: string, fields?: LogFields): void;
  /** What was changed, and by whom: written at every level. */
  audit(message: string, fields: LogFields): void;
  /** The text with every known secret replaced. */
  redact(text: string): string;
  /**
   * Adds secrets that were learnt later, such as those of a credentials file. They stay, unless they
   * are good for so many seconds only: those are forgotten some time afterwards, since a server that
   * runs for months renews many.
   */
  hide(secrets: readonly string[], seconds?: number): void;
  /** The log of one request: its fields stand on each line, its secrets are hidden there alone. */
  forRequest(fields: LogFields, secrets: readonly string[]): Log;
}

/** What {@link createLog} needs. */
export interface LogOptions {
  /** Lines below this level are dropped. */
  readonly level: LogLevel;
  /** `human` for people, `json` for log collectors. */
  readonly format: "human" | "json";
  /** Values that must never appear. */
  readonly secrets: readonly string[];
  /** Where lines go; standard error unless a test gives its own. */
  readonly write?: (line: string) => void;
  /** The time in milliseconds, on a clock that nobody sets. */
  readonly now?: () => number;
}

/** How long a secret is hidden after its end: clocks differ, and an old one is still quoted. */
const AFTERLIFE = 3_600_000;

/** A value that cannot be mistaken for several fields. */
const PLAIN = /^[^\s"=]+$/;

/** Makes a log with one place that redacts. */
export function createLog(options: LogOptions): Log {
  return createScope(options, {}, (text) => text);
}

/** A log with fields of its own, within one that hides more. */
function createScope(
  options: LogOptions,
  own: LogFields,
  redactOuter: (text: string) => string,
): Log {
  /** When each is forgotten. */
  const secrets = new Map(options.secrets.map((secret) => [secret, Infinity]));
  // Made when it is first needed: a start that logs nothing does not wait for it.
  let redactor = once(() => createRedactor(secrets.keys()));
  const redact = (text: string) => redactor()(redactOuter(text));
  const write = options.write ?? writeStderr;
  const now = options.now ?? (() => performance.now());
  const threshold = LOG_LEVELS.indexOf(options.level);
  const emit = (level: LogLevel, message: string, fields?: LogFields) => {
    if (LOG_LEVELS.indexOf(level) >= threshold) writeLine(level, message, fields);
  };
  const writeLine = (level: LogLevel | "AUDIT", message: string, given: LogFields = {}) => {
    const fields = { ...own, ...given };
    const time = new Date().toISOString();
    const line = options.format === "json" ? json({ ...fields, time, level, message }) : [
      `${time} ${level.padEnd(7)} ${message}`,
      ...Object.entries(fields).filter(([, value]) => value !== undefined).map(([key, value]) =>
        `${key}=${typeof value === "string" && PLAIN.test(value) ? value : json(value)}`
      ),
    ].join(" ");
    // One line each, and nothing that a terminal would obey.
    // deno-lint-ignore no-control-regex
    write(`${redact(line).replaceAll(/[\u0000-\u001F\u007F-\u009F]+/g, " ")}\n`);
  };
  return {
    debug: (message, fields) => emit("DEBUG", message, fields),
    info: (message, fields) => emit("INFO", message, fields),
    warning: (message, fields) => emit("WARNING", message, fields),
    error: (message, fields) => emit("ERROR", message, fields),
    audit: (message, fields) => writeLine("AUDIT", message, fields),
    redact,
    hide: (more, seconds = Infinity) => {
      const time = now();
      const end = Number.isFinite(seconds) ? time + seconds * 1000 + AFTERLIFE : Infinity;
      for (const secret of more) secrets.set(secret, Math.max(end, secrets.get(secret) ?? end));
      for (const [secret, until] of secrets) if (until < time) secrets.delete(secret);
      redactor = once(() => createRedactor(secrets.keys()));
    },
    forRequest: (fields, more) =>
      createScope({ ...options, secrets: more }, { ...own, ...fields }, redact),
  };
}

/** JSON of any value; what JSON has no form for is named instead of failing the caller. */
function json(value: unknown): string {
  try {
    const plain = (_: string, one: unknown) => typeof one === "bigint" ? String(one) : one;
    return JSON.stringify(value, plain) ?? String(value);
  } catch {
    return '"(not representable)"';
  }
}

function writeStderr(line: string): void {
  const bytes = new TextEncoder().encode(line);
  try {
    Deno.stderr.writeSync(bytes);
  } catch {
    // A closed stderr must not end the server.
  }
}

/** Shorter secrets may be ordinary words: they are replaced only beside credentials. */
const DISTINCT = 6;

/**
 * Replaces secrets in a text, in the forms in which servers and clients write them:
 * percent-encoded, as a form, JSON text, JSON in JSON, Base64; also what a cut left of one. Short
 * ones only after a name such as `password=`, after a colon before a host, or alone in their text.
 */
export function createRedactor(secrets: Iterable<string>): (text: string) => string {
  const needles = new Set<string>();
  const short = new Set<string>();
  for (const secret of secrets) {
    if (secret === "") continue;
    if (secret.length < DISTINCT) short.add(secret);
    else for (const form of writtenForms(secret)) needles.add(form);
  }
  if (needles.size + short.size === 0) return (text) => text;
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
  const shortest = Math.min(...[...needles, ...short].map((secret) => secret.length));
  return (text) => {
    // Escapes only lengthen a secret, and only a cut shortens it.
    if (text.length < shortest && !text.includes("…")) return text;
    const replaced = replace(text);
    // Any or all of a secret's characters may be escaped; text that hides one so is shown decoded.
    const decoded = decodeEscapes(replaced, escapes);
    if (decoded === replaced) return replaced;
    const clean = replace(decoded);
    return clean === decoded ? replaced : clean;
  };
}

/** If a cut goes through a secret, fewer of its first characters reveal nothing. */
const HEAD = 8;

/** Replaces the beginnings of secrets that a cut left: every cut is marked by "…". */
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

/** Where the text's end turns into the beginning of a needle; -1 if it does not. */
function findHead(text: string, needle: string): number {
  const head = needle.slice(0, HEAD);
  for (let at = text.indexOf(head); at !== -1; at = text.indexOf(head, at + 1)) {
    if (needle.startsWith(text.slice(at))) return at;
  }
  return -1;
}

/** Text in JSON in an address is escaped twice. */
const LAYERS = 3;

/** Stands in every escape: a backslash alone, as before each quote of JSON in JSON, is none. */
const ESCAPE = /\\[ux]|[%&]/i;

function decodeEscapes(text: string, escapes: RegExp): string {
  if (!ESCAPE.test(text)) return text;
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

/** Matches only the escapes of characters in these secrets; other escapes cost no time. */
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
  if (percent !== undefined) return decodePercent(whole);
  if (entity !== undefined) {
    const name = entity.toLowerCase();
    return Object.keys(ENTITIES).find((sign) => ENTITIES[sign] === name) ?? whole;
  }
  if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
  return String.fromCodePoint(Number.parseInt(unit ?? byte ?? hex ?? "", 16));
}

/** Seconds that a JSON web token is good for, whatever the time is here; undefined where it tells none. */
export function readLifetime(token: string): number | undefined {
  const [, claims = ""] = token.split(".");
  let text: string;
  try {
    text = new TextDecoder().decode(Uint8Array.fromBase64(claims, { alphabet: "base64url" }));
  } catch {
    return undefined;
  }
  const parsed = tryParseJson(text);
  if (!isRecord(parsed)) return undefined;
  const { exp, iat } = parsed;
  return typeof exp === "number" && typeof iat === "number" ? exp - iat : undefined;
}

/** What precedes a value that is a credential. */
const CREDENTIAL = String
  .raw`(?<=(?:pass(?:word|wd|phrase)?|pwd|secret|token|credentials?|authorization|bearer|basic|key)\\?["']?\s*[:=]?\s*\\?["']?)`;

function escapeRegExp(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}

function writtenForms(secret: string): string[] {
  const whole = secret.toWellFormed();
  const bytes = new TextEncoder().encode(secret);
  const quoted = JSON.stringify(secret).slice(1, -1);
  // The form in which Python writes it.
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
      // The form inside JSON text.
      JSON.stringify(text).slice(1, -1),
    ]),
    bytes.toBase64({ omitPadding: true }),
    bytes.toBase64({ alphabet: "base64url", omitPadding: true }),
    ...writtenNumber(secret),
  ];
}

/** The digits of a numeric secret as a parser returns them: `7` for `007`. */
function writtenNumber(secret: string): string[] {
  const number = Number(secret);
  const text = String(number);
  return /^[+-]?\d/.test(secret) && Number.isFinite(number) && text.length >= DISTINCT
    ? [text]
    : [];
}
