import { splitPath } from "../../../core/values.ts";
import * as z from "zod";
import { Failure } from "../../../core/failure.ts";
import { isRecord } from "../../../core/json.ts";
import { path } from "../../../http/request.ts";
import type { Call } from "../call.ts";
import type { WeaveSession } from "../client.ts";
import { measure } from "./collect.ts";

const VALUES = z.looseObject({ vals: z.array(z.unknown()) });
const BATCH = 200;
/** Calls, and characters of them, that are held while their references are read. */
const CHUNK = 100;
const CHUNK_SIZE = 8 * 1024 * 1024;
/** Characters of values that are kept for further calls. */
const KNOWN_SIZE = 16 * 1024 * 1024;

/**
 * Reads references to objects and ops, each once unless they are very large; what cannot be read
 * stays a reference.
 */
export class RefReader {
  readonly #known = new Map<string, { value: unknown }>();
  readonly #missing = new Set<string>();
  #size = 0;

  constructor(private readonly session: WeaveSession) {}

  get missing(): number {
    return this.#missing.size;
  }

  /** Reads those that are not known yet. */
  async read(refs: Iterable<string>): Promise<void> {
    const wanted = [...new Set(refs)].filter((ref) =>
      !this.#known.has(ref) && !this.#missing.has(ref) && isReadable(ref)
    );
    for (let at = 0; at < wanted.length; at += BATCH) {
      await this.#batch(wanted.slice(at, at + BATCH));
    }
  }

  /** The value of a reference that was read; undefined where there is none. */
  value(ref: string): { value: unknown } | undefined {
    return this.#known.get(ref);
  }

  /** Forgets what was read when it takes too much memory. */
  trim(): void {
    if (this.#size <= KNOWN_SIZE) return;
    this.#known.clear();
    this.#size = 0;
  }

  /** The service fails a batch for one missing reference, so a failed batch is halved. */
  async #batch(refs: readonly string[]): Promise<void> {
    try {
      const { vals } = await this.session.post(path`/refs/read_batch`, { refs }, VALUES);
      refs.forEach((ref, index) => {
        const value = vals[index] ?? null;
        if (value === null) this.#missing.add(ref);
        else {
          this.#known.set(ref, { value });
          this.#size += measure(value).held;
        }
      });
    } catch (error) {
      const about = error instanceof Failure && error.status !== undefined &&
        ![401, 429].includes(error.status) && !error.retryable;
      if (!about) throw error;
      const [first] = refs;
      if (refs.length === 1 && first !== undefined) this.#missing.add(first);
      else {
        const middle = refs.length >> 1;
        await this.#batch(refs.slice(0, middle));
        await this.#batch(refs.slice(middle));
      }
    }
  }
}

/** Calls with the references at some paths replaced by what they refer to. */
export async function* expandCalls(
  reader: RefReader,
  calls: AsyncIterable<Call>,
  columns: readonly string[],
): AsyncGenerator<Call> {
  const paths = columns.map(splitPath);
  for await (const chunk of chunkCalls(calls)) {
    yield* await expandChunk(reader, chunk, paths);
    reader.trim();
  }
}

/** Calls in groups for which one request can be made, and which are small enough to be held. */
export async function* chunkCalls(calls: AsyncIterable<Call>): AsyncGenerator<Call[]> {
  let chunk: Call[] = [];
  let size = 0;
  for await (const call of calls) {
    chunk.push(call);
    size += measure(call).held;
    if (chunk.length < CHUNK && size < CHUNK_SIZE) continue;
    yield chunk;
    chunk = [];
    size = 0;
  }
  if (chunk.length > 0) yield chunk;
}

async function expandChunk(
  reader: RefReader,
  calls: Call[],
  paths: readonly (readonly string[])[],
): Promise<Call[]> {
  // Parents come first: what they hold may be references again.
  for (const parts of paths) {
    const refs: string[] = [];
    const collect = (value: unknown) => {
      if (typeof value === "string" && isReadable(value)) refs.push(value);
      return value;
    };
    for (const call of calls) change(call, parts, collect);
    await reader.read(refs);
    for (const call of calls) change(call, parts, (value) => resolve(reader, value));
  }
  return calls;
}

function resolve(reader: RefReader, value: unknown): unknown {
  if (typeof value !== "string") return value;
  const found = reader.value(value);
  if (found === undefined) return value;
  return isRecord(found.value) ? { ...found.value, _ref: value } : found.value;
}

/** Applies `map` to the value at a path, and to the items if it is a list. */
function change(
  target: Record<string, unknown>,
  [key = "", ...rest]: readonly string[],
  map: (value: unknown) => unknown,
): void {
  if (!Object.hasOwn(target, key)) return;
  const value = target[key];
  if (rest.length === 0) {
    target[key] = Array.isArray(value) ? value.map(map) : map(value);
  } else if (isRecord(value)) {
    // Copied, since several calls may share a resolved value.
    const copy = { ...value };
    target[key] = copy;
    change(copy, rest, map);
  } else if (Array.isArray(value)) {
    target[key] = value.map((item) => {
      if (!isRecord(item)) return item;
      const copy = { ...item };
      change(copy, rest, map);
      return copy;
    });
  }
}

/** Whether a text refers to an object or op; tables and calls are read by other routes. */
function isReadable(text: string): boolean {
  return /^weave:\/\/\/[^/]+\/[^/]+\/(object|op)\/.+/.test(text);
}
