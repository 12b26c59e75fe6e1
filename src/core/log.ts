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
  /** The text with every known secret replaced. */
  redact(text: string): string;
  /** Adds secrets that were learnt later, such as those of a credentials file. */
  hide(secrets: readonly string[]): void;
}

/** What {@link createLog} needs. */
export interface LogOptions {
  /** Lines below this level are dropped. */
  readonly level: LogLevel;
  /** `human` for people, `json` for log collectors. */
  readonly format: "human" | "json";
  /** Values that must never appear; shorter ones than 6 characters are not searched for. */
  readonly secrets: readonly string[];
  /** Where lines go; standard error unless a test gives its own. */
  readonly write?: (line: string) => void;
}

/** Makes a log with one place that redacts. */
export function createLog(options: LogOptions): Log {
  const secrets = [...options.secrets];
  let redactor = createRedactor(secrets);
  const redact = (text: string) => redactor(text);
  const write = options.write ?? writeStderr;
  const threshold = LOG_LEVELS.indexOf(options.level);
  const emit = (level: LogLevel, message: string, fields: LogFields = {}) => {
    if (LOG_LEVELS.indexOf(level) < threshold) return;
    const time = new Date().toISOString();
    const line = options.format === "json" ? json({ ...fields, time, level, message }) : [
      `${time} ${level.padEnd(7)} ${message}`,
      ...Object.entries(fields).map(([key, value]) =>
        `${key}=${typeof value === "string" ? value : json(value)}`
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
    redact,
    hide: (more) => {
      secrets.push(...more);
      redactor = createRedactor(secrets);
    },
  };
}

/** Replaces secrets in a text, also in their percent-encoded, JSON and Base64 forms. */
export function createRedactor(secrets: readonly string[]): (text: string) => string {
  const needles = new Set<string>();
  for (const secret of secrets) {
    if (secret.length < 6) continue;
    const quoted = JSON.stringify(secret).slice(1, -1);
    needles.add(secret);
    needles.add(encodeURIComponent(secret.toWellFormed()));
    needles.add(quoted);
    // As text that stands inside JSON text.
    needles.add(JSON.stringify(quoted).slice(1, -1));
    needles.add(new TextEncoder().encode(secret).toBase64({ omitPadding: true }));
  }
  const ordered = [...needles].sort((a, b) => b.length - a.length);
  return (text) => ordered.reduce((result, needle) => result.replaceAll(needle, "***"), text);
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
