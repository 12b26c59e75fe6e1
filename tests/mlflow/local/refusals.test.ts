/** Stores that cannot be read, or only with care: each is explained, and nothing is touched. */
import assert from "node:assert/strict";
import { Failure } from "../../../src/core/failure.ts";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { explainUnusableUri } from "../../../src/mlflow/backend.ts";
import { EXAMPLE_STORE, localStore } from "./harness.ts";
import { slowTest } from "../../support/slow.ts";

/** The names, sizes, times and checksums of everything in a folder. */
async function snapshot(folder: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for await (const { name } of Deno.readDir(folder)) {
    const path = join(folder, name);
    const { size, mtime, isFile } = await Deno.stat(path);
    // What live connections coordinate in the -shm file is no data.
    const hash = isFile && !name.endsWith("-shm")
      ? new Uint8Array(await crypto.subtle.digest("SHA-256", await Deno.readFile(path))).toHex()
      : "";
    files[name] = name.endsWith("-shm") ? "" : `${size} ${mtime?.getTime()} ${hash}`;
  }
  return files;
}

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function copyOfStore(folder: string): Promise<string> {
  const path = join(folder, "mlflow.db");
  await Deno.copyFile(EXAMPLE_STORE, path);
  return path;
}

const SEARCH = { experimentIds: ["1"], orderBy: [], limit: 100 };

/** The failure of reading a store; nothing in its folder may change. */
async function refusal(folder: string, path: string): Promise<Failure["report"]> {
  const before = await snapshot(folder);
  using store = localStore(path);
  const error = await store.open().search(SEARCH).then(() => undefined, (reason) => reason);
  assert.ok(error instanceof Failure, String(error));
  assert.deepEqual(await snapshot(folder), before);
  return error.report;
}

interface Case {
  readonly what: string;
  readonly make: (folder: string, path: string) => void | Promise<void>;
  readonly kind: string;
  readonly message: RegExp;
  readonly hint: RegExp;
}

const CASES: readonly Case[] = [
  {
    what: "a missing file",
    make: (_, path) => Deno.remove(path),
    kind: "unreachable",
    message: /There is no file .*mlflow\.db/,
    hint: /MLFLOW_TRACKING_URI/,
  },
  {
    what: "a folder",
    make: async (_, path) => {
      await Deno.remove(path);
      await Deno.mkdir(path);
    },
    kind: "unsupported",
    message: /is a folder/,
    hint: /mlflow\.db/,
  },
  {
    what: "an empty file",
    make: (_, path) => Deno.writeTextFile(path, ""),
    kind: "unsupported",
    message: /is not an SQLite database/,
    hint: /empty/,
  },
  {
    what: "a text file",
    make: (_, path) => Deno.writeTextFile(path, "to be or not to be\n".repeat(100)),
    kind: "unsupported",
    message: /is not an SQLite database/,
    hint: /file that MLflow writes/,
  },
  {
    what: "another application's database",
    make: async (_, path) => {
      await Deno.remove(path);
      change(path, "CREATE TABLE songs (title TEXT)");
    },
    kind: "unsupported",
    message: /not an MLflow store \(its tables: songs\)/,
    hint: /MLFLOW_TRACKING_URI/,
  },
  {
    what: "a store of MLflow before there were traces",
    make: (_, path) => change(path, "DROP TABLE trace_info; DROP TABLE trace_tags"),
    kind: "unsupported",
    message: /has no trace_info, trace_tags/,
    hint: /mlflow db upgrade/,
  },
  {
    what: "a store whose schema lacks a column",
    make: (_, path) => change(path, "ALTER TABLE trace_info RENAME COLUMN status TO condition"),
    kind: "unsupported",
    message: /has no trace_info\.status/,
    hint: /3\.4/,
  },
  {
    what: "a truncated file",
    make: (_, path) => Deno.truncate(path, 300_000),
    kind: "unsupported",
    message: /is truncated: it has 300000 bytes of/,
    hint: /backup/,
  },
  {
    what: "a damaged file",
    make: (_, path) => {
      using file = Deno.openSync(path, { write: true });
      file.seekSync(1024, Deno.SeekMode.Start);
      file.writeSync(new Uint8Array(400_000).fill(0x5a));
    },
    kind: "unsupported",
    message: /is damaged/,
    hint: /integrity_check/,
  },
  {
    what: "a write-ahead store that nobody has open",
    make: (_, path) => change(path, "PRAGMA journal_mode = WAL"),
    kind: "unsupported",
    message: /write-ahead mode \(WAL\): reading it would create files/,
    hint: /journal_mode=delete/,
  },
  {
    what: "a store whose writer was killed",
    make: interruptWriter,
    kind: "unsupported",
    message: /was interrupted: .*-journal must be rolled back/,
    hint: /sqlite3/,
  },
];

for (const { what, make, kind, message, hint } of CASES) {
  slowTest(
    `${what} is refused with what to do, and nothing is changed`,
    () =>
      inFolder(async (folder) => {
        const path = await copyOfStore(folder);
        await make(folder, path);
        const report = await refusal(folder, path);
        assert.equal(report.error, kind);
        assert.match(report.message, message);
        assert.match(report.hint ?? "", hint);
      }),
  );
}

slowTest("a ~ that no shell expanded is explained", () =>
  inFolder(async (folder) => {
    const report = await refusal(folder, join(folder, "~", "mlflow.db"));
    assert.match(report.hint ?? "", /Only a shell expands ~ to the home folder/);
  }));

slowTest("a tracking URI that names no store is reported with what was meant", () => {
  assert.match(explainUnusableUri("localhost:5000"), /Did you mean http:\/\/localhost:5000\?/);
  assert.match(explainUnusableUri("databricks-uc"), /MLFLOW_TRACKING_URI=databricks\./);
  const sagemaker = "arn:aws:sagemaker:eu-west-1:123456789012:mlflow-tracking-server/main";
  assert.match(explainUnusableUri(sagemaker), /proxy that signs requests for .*sagemaker-mlflow/);
  const azure = "azureml://westeurope.api.azureml.ms/mlflow/v1.0/subscriptions/1";
  assert.match(explainUnusableUri(azure), /https:\/\/ in place of azureml.*MLFLOW_TRACKING_TOKEN/);
  assert.match(explainUnusableUri("ftp://x"), /sqlite:\/\/\/mlflow\.db/);
  assert.match(explainUnusableUri("postgresql://u:secret@h/db"), /names a database/);
  assert.doesNotMatch(explainUnusableUri("postgresql://u:secret@h/db"), /secret/);
});

slowTest("reading changes nothing", () =>
  inFolder(async (folder) => {
    const path = await copyOfStore(folder);
    const before = await snapshot(folder);
    using store = localStore(path);
    const { infos } = await store.open().search({
      ...SEARCH,
      orderBy: [{ entity: "trace", key: "name", descending: true }],
    });
    assert.equal(infos.length, 36);
    assert.deepEqual(await snapshot(folder), before);
  }));

slowTest(
  "a write-ahead store that a server has open is read, including its last write",
  () =>
    inFolder(async (folder) => {
      const path = await copyOfStore(folder);
      using writer = new DatabaseSync(path);
      writer.exec("PRAGMA journal_mode = WAL; UPDATE trace_info SET status = 'IN_PROGRESS'");
      const before = await snapshot(folder);
      assert.deepEqual(Object.keys(before).sort(), ["mlflow.db", "mlflow.db-shm", "mlflow.db-wal"]);
      using store = localStore(path);
      const [info] = (await store.open().search(SEARCH)).infos;
      assert.equal(JSON.stringify(info).includes('"state":"IN_PROGRESS"'), true);
      assert.deepEqual(await snapshot(folder), before);
    }),
);

slowTest("a reader waits for a writer, then sees what it wrote", () =>
  inFolder(async (folder) => {
    const path = await copyOfStore(folder);
    using writer = new DatabaseSync(path);
    writer.exec("BEGIN EXCLUSIVE; UPDATE trace_info SET status = 'OK'");
    using store = localStore(path);
    const reading = store.open().search(SEARCH);
    await new Promise((resolve) => setTimeout(resolve, 200));
    writer.exec("COMMIT");
    const { infos } = await reading;
    assert.ok(infos.every((info) => JSON.stringify(info).includes('"state":"OK"')));
  }));

slowTest(
  "a store that stays locked is reported as retryable",
  () =>
    inFolder(async (folder) => {
      const path = await copyOfStore(folder);
      using writer = new DatabaseSync(path);
      writer.exec("BEGIN EXCLUSIVE");
      const report = await refusal(folder, path);
      assert.match(report.message, /is locked by a writer/);
      assert.equal(report.retryable, true);
    }),
);

slowTest("another process's writes are seen in the next call", () =>
  inFolder(async (folder) => {
    const path = await copyOfStore(folder);
    using store = localStore(path);
    const [info] = (await store.open().search({ ...SEARCH, limit: 1 })).infos;
    const id = /"trace_id":"([^"]+)"/.exec(JSON.stringify(info))?.[1] ?? "";
    using writer = new DatabaseSync(path);
    writer.prepare("INSERT INTO trace_tags (key, value, request_id) VALUES ('new', 'tag', ?)").run(
      id,
    );
    assert.ok(JSON.stringify(await store.open().info(id)).includes('"new":"tag"'));
    writer.prepare("DELETE FROM trace_info WHERE request_id = ?").run(id);
    await assert.rejects(store.open().info(id), { message: /There is no trace/ });
  }));

slowTest(
  "a store deleted during a call is read to the end, and the next call explains",
  () =>
    inFolder(async (folder) => {
      const path = await copyOfStore(folder);
      using store = localStore(path);
      const { infos } = await store.open().search(SEARCH);
      let expected = 0;
      await store.open().spansOfMany(infos, () => expected++);
      let seen = 0;
      await store.open().spansOfMany(infos, () => {
        if (seen++ === 0) Deno.removeSync(path);
      });
      assert.equal(seen, expected);
      await assert.rejects(store.open().search(SEARCH), {
        message: /There is no file .*mlflow\.db/,
      });
    }),
);

slowTest("only a page token with an offset is accepted", async () => {
  using store = localStore(EXAMPLE_STORE);
  for (
    const pageToken of ["nonsense", btoa('{"offset": -1}'), btoa("[]"), btoa('{"offset":"x"}')]
  ) {
    await assert.rejects(store.open().search({ ...SEARCH, pageToken }), {
      message: /`page_token` is not a token/,
    });
  }
});

function change(path: string, sql: string): void {
  using database = new DatabaseSync(path, { enableForeignKeyConstraints: false });
  database.exec(sql);
}

/** Copies a store with its journal in the middle of a change, as a killed writer leaves them. */
async function interruptWriter(folder: string, path: string): Promise<void> {
  const other = join(folder, "written.db");
  await Deno.rename(path, other);
  {
    using writer = new DatabaseSync(other);
    writer.exec("PRAGMA cache_size = 1; BEGIN; UPDATE spans SET content = content || ' '");
    await Deno.copyFile(other, path);
    await Deno.copyFile(`${other}-journal`, `${path}-journal`);
    writer.exec("ROLLBACK");
  }
  await Deno.remove(other);
}
