/** Documents, lines and blobs in SQLite. */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { z } from "zod";

const Row = z.object({ doc: z.string() });
const Count = z.object({ n: z.number() });
const LineRow = z.object({ line: z.number(), text: z.string() });
const BlobRow = z.object({ data: z.instanceof(Uint8Array) });

/** What a document's field may be compared with. */
export type Key = string | number | null;

/** Prepares each statement once. */
class Statements {
  readonly #known = new Map<string, StatementSync>();
  constructor(readonly db: DatabaseSync) {}

  get(sql: string): StatementSync {
    const known = this.#known.get(sql);
    if (known) return known;
    const made = this.db.prepare(sql);
    this.#known.set(sql, made);
    return made;
  }
}

/** One kind of document, kept as JSON, in order of insertion. */
export class Table<T extends { id: string }> {
  readonly #sql: Statements;

  constructor(
    db: DatabaseSync,
    readonly name: string,
    readonly schema: z.ZodType<T>,
    indexed: readonly (keyof T & string)[] = [],
  ) {
    this.#sql = new Statements(db);
    db.exec(
      `CREATE TABLE IF NOT EXISTS ${name} (seq INTEGER PRIMARY KEY, id TEXT UNIQUE, doc TEXT NOT NULL)`,
    );
    for (const field of indexed) {
      db.exec(
        `CREATE INDEX IF NOT EXISTS ${name}_${field} ON ${name} (json_extract(doc, '$.${field}'))`,
      );
    }
  }

  /** The document with this id. */
  get(id: string): T | undefined {
    const row = this.#sql.get(`SELECT doc FROM ${this.name} WHERE id = ?`).get(id);
    return row === undefined ? undefined : this.#read(row);
  }

  /** Those whose fields all equal the given ones, oldest first. */
  find(where: Readonly<Record<string, Key>> = {}): T[] {
    const { text, values } = condition(where);
    return this.#sql.get(`SELECT doc FROM ${this.name} ${text} ORDER BY seq`).all(...values)
      .map((row) => this.#read(row));
  }

  /** The oldest of those. */
  first(where: Readonly<Record<string, Key>>): T | undefined {
    const { text, values } = condition(where);
    const row = this.#sql.get(`SELECT doc FROM ${this.name} ${text} ORDER BY seq LIMIT 1`)
      .get(...values);
    return row === undefined ? undefined : this.#read(row);
  }

  /** How many there are. */
  count(where: Readonly<Record<string, Key>> = {}): number {
    const { text, values } = condition(where);
    return Count.parse(
      this.#sql.get(`SELECT count(*) AS n FROM ${this.name} ${text}`).get(...values),
    ).n;
  }

  /** Adds a document or replaces the one with its id. */
  put(doc: T): T {
    this.#sql.get(
      `INSERT INTO ${this.name} (id, doc) VALUES (?, ?)
       ON CONFLICT (id) DO UPDATE SET doc = excluded.doc`,
    ).run(doc.id, JSON.stringify(doc));
    return doc;
  }

  /** Removes the document with this id. */
  delete(id: string): void {
    this.#sql.get(`DELETE FROM ${this.name} WHERE id = ?`).run(id);
  }

  #read(row: unknown): T {
    return this.schema.parse(JSON.parse(Row.parse(row).doc));
  }
}

function condition(where: Readonly<Record<string, Key>>): { text: string; values: Key[] } {
  const parts: string[] = [];
  const values: Key[] = [];
  for (const [field, value] of Object.entries(where)) {
    if (!/^\w+$/.test(field)) throw new Error(`Not a field: ${field}`);
    if (value === null) parts.push(`json_extract(doc, '$.${field}') IS NULL`);
    else {
      parts.push(`json_extract(doc, '$.${field}') = ?`);
      values.push(value);
    }
  }
  return { text: parts.length === 0 ? "" : `WHERE ${parts.join(" AND ")}`, values };
}

/** The kinds of line that a run's file stream carries. */
export type LineKind = "history" | "events" | "log";

/** Numbered lines of text per run and kind. */
export class Lines {
  readonly #sql: Statements;
  /** Grows with every change, for caches. */
  version = 0;

  constructor(db: DatabaseSync) {
    this.#sql = new Statements(db);
    db.exec(
      `CREATE TABLE IF NOT EXISTS lines (run TEXT, kind TEXT, line INTEGER, text TEXT NOT NULL,
       PRIMARY KEY (run, kind, line)) WITHOUT ROWID`,
    );
  }

  /** Writes lines from `offset` on, over what was there. */
  write(run: string, kind: LineKind, offset: number, texts: readonly string[]): void {
    this.version++;
    const insert = this.#sql.get(
      "INSERT OR REPLACE INTO lines (run, kind, line, text) VALUES (?, ?, ?, ?)",
    );
    texts.forEach((text, index) => insert.run(run, kind, offset + index, text));
  }

  /** All lines, in order. */
  all(run: string, kind: LineKind): { line: number; text: string }[] {
    return this.#sql.get("SELECT line, text FROM lines WHERE run = ? AND kind = ? ORDER BY line")
      .all(run, kind).map((row) => LineRow.parse(row));
  }

  /** One more than the last line's number. */
  next(run: string, kind: LineKind): number {
    return Count.parse(
      this.#sql.get(
        "SELECT coalesce(max(line) + 1, 0) AS n FROM lines WHERE run = ? AND kind = ?",
      ).get(run, kind),
    ).n;
  }

  /** Removes all of a run's lines. */
  clear(run: string): void {
    this.version++;
    this.#sql.get("DELETE FROM lines WHERE run = ?").run(run);
  }
}

/** File contents by key. */
export class Blobs {
  readonly #sql: Statements;

  constructor(db: DatabaseSync) {
    this.#sql = new Statements(db);
    db.exec("CREATE TABLE IF NOT EXISTS blobs (key TEXT PRIMARY KEY, data BLOB NOT NULL)");
  }

  /** The content, if it was uploaded. */
  get(key: string): Uint8Array<ArrayBuffer> | undefined {
    const row = this.#sql.get("SELECT data FROM blobs WHERE key = ?").get(key);
    return row === undefined ? undefined : new Uint8Array(BlobRow.parse(row).data);
  }

  /** Whether it was uploaded. */
  has(key: string): boolean {
    return this.#sql.get("SELECT 1 FROM blobs WHERE key = ?").get(key) !== undefined;
  }

  /** Stores content. */
  put(key: string, data: Uint8Array): void {
    this.#sql.get("INSERT OR REPLACE INTO blobs (key, data) VALUES (?, ?)").run(key, data);
  }
}

/** Counters that outlive the process. */
export class Counters {
  readonly #sql: Statements;

  constructor(db: DatabaseSync) {
    this.#sql = new Statements(db);
    db.exec("CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, n INTEGER NOT NULL)");
  }

  /** The next number of this counter, from 1. */
  next(name: string): number {
    return Count.parse(
      this.#sql.get(
        `INSERT INTO counters (name, n) VALUES (?, 1)
         ON CONFLICT (name) DO UPDATE SET n = n + 1 RETURNING n`,
      ).get(name),
    ).n;
  }
}
