import { createRedactor } from "./redact.ts";

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
  /** Adds secrets that were learnt later, such as those of a credentials file; they stay. */
  hide(secrets: readonly string[]): void;
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
}

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
  const secrets = new Set(options.secrets);
  let redactor = createRedactor(secrets);
  const redact = (text: string) => redactor(redactOuter(text));
  const write = options.write ?? writeStderr;
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
    hide: (more) => {
      for (const secret of more) secrets.add(secret);
      redactor = createRedactor(secrets);
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
