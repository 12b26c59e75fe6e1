/** The type of {@link defined}: members that may be undefined become optional. */
export type Defined<T> =
  & { [K in keyof T as undefined extends T[K] ? never : K]: T[K] }
  & { [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined> };

/**
 * The object without its undefined members: `defined({ a, b })` for
 * `{ ...(a === undefined ? {} : { a }), … }`.
 */
export function defined<T extends object>(members: T): Defined<T>;
export function defined(members: object): object {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}

/** Computes a value at first use and keeps it. */
export function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

/** A table that is asked for names from outside: it holds none that every object inherits. */
export function createLookup<T>(
  entries: Readonly<Record<string, T>>,
): Readonly<Record<string, T>> {
  return Object.setPrototypeOf({ ...entries }, null);
}

/** Builds an object from its members. Of equal keys, the later gets a star. */
export function buildObject(
  entries: readonly (readonly [string, unknown])[],
): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [key, value] of entries) {
    let name = key;
    while (Object.hasOwn(result, name)) name += "*";
    // Not an assignment: the key may be `__proto__`.
    Object.defineProperty(result, name, {
      value,
      enumerable: true,
      writable: true,
      configurable: true,
    });
  }
  return result;
}

/** How a shortened text ends; the number is what is missing. */
const MARK = /…\[(\d+) more characters\]$/;

/**
 * Cuts a text to its first `size` characters and says how many more there were; shorter texts stay.
 * Surrogate pairs stay whole. The count is right even if the text was already cut before.
 */
export function cutText(text: string, size: number): string {
  if (text.length <= size) return text;
  const mark = MARK.exec(text.slice(-40));
  const visible = mark === null ? text.length : text.length - mark[0].length;
  if (visible <= size) return text;
  const missing = visible - size + Number(mark?.[1] ?? 0);
  const last = text.charCodeAt(size - 1);
  const end = last >= 0xD800 && last <= 0xDBFF ? size - 1 : size;
  return `${text.slice(0, end)}…[${missing + size - end} more characters]`;
}

/** Longest word and longest text of a message, in characters: wandflow's own are much shorter. */
const LONGEST_WORD = 400;
const LONGEST_MESSAGE = 4000;

/** Shortens a message that repeats a long text of the caller's, wherever in it that is. */
export function shortenMessage(text: string): string {
  if (text.length <= LONGEST_WORD) return text;
  const words = text.replaceAll(/\S+/g, (word) => {
    return word.length > LONGEST_WORD ? `${word.slice(0, 60).toWellFormed()}…` : word;
  });
  return cutText(words, LONGEST_MESSAGE);
}

/** A name as a part of a dotted path; a backslash marks a dot that belongs to the name. */
export function escapeName(name: string): string {
  return name.replaceAll(".", "\\.");
}

/** The names in a dotted path. */
export function splitPath(path: string): string[] {
  return path.split(/(?<!\\)\./).map((part) => part.replaceAll("\\.", "."));
}

/** An http or https address, which may be relative to `base`; undefined for any other text. */
export function toHttpUrl(text: string, base?: URL): URL | undefined {
  const url = URL.parse(text, base);
  return url !== null && /^https?:$/.test(url.protocol) ? url : undefined;
}

/** Decodes a part of a URL; undefined for one with a stray percent sign. */
export function tryDecodePercent(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}

/** Decodes a part of a URL; one with a stray percent sign stays as it is. */
export function decodePercent(part: string): string {
  return tryDecodePercent(part) ?? part;
}

/** The path that a `file:` URI names, `C:/…` on Windows; undefined for any other text. */
export function readFileUri(uri: string): string | undefined {
  const path = /^file:(?:\/\/(?:localhost)?(?=\/))?(.+)$/is.exec(uri)?.[1];
  return path === undefined ? undefined : decodePercent(path).replace(/^\/([A-Za-z]:)/, "$1");
}

/** A word of a command to paste: in quotes if a shell would otherwise split or expand it. */
export function quoteForShell(text: string): string {
  if (/^[\p{L}\p{N}@%+=:,./\\_-]+$/u.test(text)) return text;
  return /[$`"!]/.test(text) ? `'${text.replaceAll("'", `'\\''`)}'` : `"${text}"`;
}

/** The SHA-256 digest of a text. */
export function sha256(text: string, form: "hex" | "base64url"): string {
  return process.getBuiltinModule("node:crypto").createHash("sha256").update(text).digest(form);
}

/** Whether two values are deeply equal. */
export function isDeepEqual(one: unknown, other: unknown): boolean {
  return process.getBuiltinModule("node:util").isDeepStrictEqual(one, other);
}
