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
/** Maximum calls, and characters of them, to hold while their references are read. */
const CHUNK = 100;
const CHUNK_SIZE = 8 * 1024 * 1024;
/** Maximum characters of resolved values to keep for later calls. */
const KNOWN_SIZE = 16 * 1024 * 1024;

/**
 * Reads references to objects and ops, each only once unless the values are very large. A reference
 * that cannot be read stays a reference.
 */
export class RefReader {
  readonly #known = new Map<string, { value: unknown }>();
  readonly #missing = new Set<string>();
  #size = 0;

  constructor(private readonly session: WeaveSession) {}

  get missing(): number {
    return this.#missing.size;
  }

  /** Reads the references that are not known yet. */
  async read(refs: Iterable<string>): Promise<void> {
    const wanted = [...new Set(refs)].filter((ref) =>
      !this.#known.has(ref) && !this.#missing.has(ref) && isReadable(ref)
    );
    for (let at = 0; at < wanted.length; at += BATCH) {
      await this.#batch(wanted.slice(at, at + BATCH));
    }
  }

  /** The value of a reference; undefined if it was not read or does not exist. */
  value(ref: string): { value: unknown } | undefined {
    return this.#known.get(ref);
  }

  /** Drops the values read so far if they take too much memory. */
  trim(): void {
    if (this.#size <= KNOWN_SIZE) return;
    this.#known.clear();
    this.#size = 0;
  }

  /** Splits a failed batch, because one missing reference fails the whole batch. */
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

/** Replaces the references at the given paths with their values. */
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

/** Groups calls so that one request serves a group and the group fits in memory. */
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
  // Parents come first, because their values may contain references too.
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

/** Applies `map` to the value at a path, or to its items if it is a list. */
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
    // Copy it, because several calls may share a resolved value.
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

/** Whether a text refers to an object or op; tables and calls have other routes. */
function isReadable(text: string): boolean {
  return /^weave:\/\/\/[^/]+\/[^/]+\/(object|op)\/.+/.test(text);
}
