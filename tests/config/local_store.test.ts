import assert from "node:assert/strict";
import {
  type Look,
  readLocalStore,
  storeFilesToRead,
  withLocalStore,
} from "../../src/config/local_store.ts";
import { computeAccess } from "../../src/config/access.ts";
import { resolveSettings } from "../../src/config/resolve.ts";

/** A file system of some files. */
function files(...paths: readonly string[]): Look {
  return {
    kind: (path) =>
      paths.includes(path)
        ? "file"
        : paths.some((file) => file.startsWith(`${path}/`))
        ? "folder"
        : undefined,
    names: (path) =>
      paths.filter((file) => file.startsWith(`${path}/`))
        .map((file) => file.slice(path.length + 1).split("/")[0] ?? ""),
  };
}

function locate(env: Record<string, string>, look: Look) {
  const { settings } = resolveSettings(new Map(), (name) => env[name]);
  return withLocalStore(settings, "/home/me/project", look);
}

Deno.test("a local store is found under every form of its URI", () => {
  const look = files("/home/me/project/traces.db", "/data/x.db", "/home/me/project/plain/store");
  for (
    const [uri, path] of [
      ["sqlite:///traces.db", "/home/me/project/traces.db"],
      ["sqlite:///./sub/../traces.db", "/home/me/project/traces.db"],
      ["sqlite:////data/x.db", "/data/x.db"],
      ["sqlite+pysqlite:////data/x.db?timeout=5", "/data/x.db"],
      ["/data/x.db", "/data/x.db"],
      ["traces.db", "/home/me/project/traces.db"],
      ["../other/y.sqlite3", "/home/me/other/y.sqlite3"],
      ["file:///data/x.db", "/data/x.db"],
      ["sqlite:///C:/data/x.db", "C:/data/x.db"],
    ] as const
  ) {
    const { settings, notes } = locate({ MLFLOW_TRACKING_URI: uri }, look);
    assert.equal(readLocalStore(settings)?.path, path, uri);
    assert.deepEqual(notes, []);
  }
});

Deno.test("servers and other databases are not local stores", () => {
  for (
    const uri of [
      ...["http://localhost:5000", "https://x/y.db", "postgresql://u@h/db", "databricks"],
      ...["databricks://profile", "sqlite:///:memory:", "sqlite://", "uc"],
      ...["localhost:5000", "127.0.0.1:5000/x.db", "db.example.com:80/"],
      ...["http//user:password@h/db", "HTTPS//h/x.db"],
    ]
  ) {
    const { settings } = locate({ MLFLOW_TRACKING_URI: uri }, files("/home/me/project/databricks"));
    assert.equal(settings.trackingUri, uri);
    assert.equal(readLocalStore(settings), undefined);
  }
});

Deno.test("without a tracking URI the working folder is searched as MLflow does", () => {
  assert.equal(locate({}, files()).settings.trackingUri, undefined);
  const found = locate({}, files("/home/me/project/mlflow.db"));
  assert.equal(found.settings.trackingUri, "sqlite:////home/me/project/mlflow.db");
  assert.match(found.notes[0]?.message ?? "", /not set: \/home\/me\/project\/mlflow\.db is read/);
  const artifacts = "/home/me/project/mlruns/0/traces/tr-1/artifacts/traces.json";
  const beside = locate({}, files("/home/me/project/mlflow.db", artifacts));
  assert.equal(readLocalStore(beside.settings)?.path, "/home/me/project/mlflow.db");
  const older = files("/home/me/project/mlflow.db", "/home/me/project/mlruns/7/meta.yaml");
  const runs = locate({}, older);
  assert.equal(runs.settings.trackingUri, "file:///home/me/project/mlruns");
  assert.match(runs.notes[0]?.message ?? "", /holds experiments.*sqlite:\/\/\/mlflow\.db/);
});

Deno.test("a folder is a file store", () => {
  const { settings } = locate(
    { MLFLOW_TRACKING_URI: "./mlruns" },
    files("/home/me/project/mlruns/0/meta.yaml"),
  );
  assert.equal(settings.trackingUri, "file:///home/me/project/mlruns");
  assert.equal(readLocalStore(settings), undefined);
});

Deno.test("a folder with mlflow.db and no experiments is that database", () => {
  const file = "/home/me/project/app/mlflow.db";
  const found = locate({ MLFLOW_TRACKING_URI: "./app" }, files(file));
  assert.equal(readLocalStore(found.settings)?.path, file);
  assert.match(found.notes[0]?.message ?? "", /\.\/app is a folder: .*mlflow\.db is read/);
  const older = locate(
    { MLFLOW_TRACKING_URI: "./app" },
    files(file, "/home/me/project/app/0/meta.yaml"),
  );
  assert.equal(older.settings.trackingUri, "file:///home/me/project/app");
});

Deno.test("the reader may read the store's files and artifact folders, the server may not", () => {
  const { settings } = locate({
    MLFLOW_TRACKING_URI: "sqlite:///traces.db",
    MLFLOW_ARTIFACTS_DESTINATION: "kept/here",
  }, files());
  const store = readLocalStore(settings);
  assert.ok(store !== undefined);
  assert.deepEqual(storeFilesToRead(store), [
    "/home/me/project/traces.db",
    "/home/me/project/traces.db-wal",
    "/home/me/project/traces.db-shm",
    "/home/me/project/traces.db-journal",
    "/home/me/project/kept/here",
    "/home/me/project/mlruns",
    "/home/me/project/mlartifacts",
  ]);
  assert.deepEqual(computeAccess(settings, "/home/me", false), {
    net: [],
    read: [],
    why: {},
    errors: [],
  });
});
