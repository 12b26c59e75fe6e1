import { localStoreOf } from "../../config/local_store.ts";
import type { Settings } from "../../config/settings.ts";
import { shellWord } from "../../core/shell.ts";
import { StorePool } from "./pool.ts";
import { LocalTraceStore } from "./store.ts";

/** A local store that is configured. */
export interface ConfiguredStore {
  readonly path: string;
  open(signal: AbortSignal): LocalTraceStore;
}

/** The local store that the tracking URI names; undefined when it names something else. */
export function configuredStore(settings: Settings): ConfiguredStore | undefined {
  const files = localStoreOf(settings);
  if (files === undefined) return undefined;
  const pool = new StorePool(files);
  const options = {
    timeoutMs: settings.requestTimeout * 1000,
    workspace: settings.workspace ?? "default",
  };
  return { path: files.path, open: (signal) => new LocalTraceStore(pool, options, signal) };
}

/** Why the writing tools are not listed, and how to get them. */
export function explainReadOnly(path: string): string {
  return `MLflow traces are read from the file ${path}, which wandflow never changes: tools that ` +
    "write need a server. Start one with " +
    `mlflow server --backend-store-uri ${shellWord(`sqlite:///${path}`)} ` +
    "and set MLFLOW_TRACKING_URI=http://127.0.0.1:5000.";
}

/** Why a tracking URI that is neither a server nor an SQLite file gives no tools. */
export function explainUnusableUri(trackingUri: string): string {
  const start = "MLflow tools are not listed: ";
  const folder = /^file:\/\/(.+)$/.exec(trackingUri)?.[1];
  if (folder !== undefined) {
    return `${start}${folder} is a folder of MLflow's file store, which only MLflow reads. ` +
      "Bring its data into an SQLite store with " +
      `mlflow migrate-filestore --source ${shellWord(folder)} --target sqlite:///mlflow.db ` +
      "and set MLFLOW_TRACKING_URI to that, or start " +
      `MLFLOW_ALLOW_FILE_STORE=true mlflow server --backend-store-uri ${shellWord(folder)} ` +
      "and set MLFLOW_TRACKING_URI=http://127.0.0.1:5000.";
  }
  if (/^(postgres|mysql|mssql)/i.test(trackingUri)) {
    return `${start}MLFLOW_TRACKING_URI names a database. Start mlflow server ` +
      "--backend-store-uri with it, and set MLFLOW_TRACKING_URI to that server's address.";
  }
  if (/^(databricks|uc)\b/i.test(trackingUri)) {
    return `${start}MLflow on Databricks (MLFLOW_TRACKING_URI=databricks) is not supported yet.`;
  }
  if (/^[\w.-]+:\d+(\/|$)/.test(trackingUri)) {
    return `${start}MLFLOW_TRACKING_URI lacks http:// or https://. Did you mean ` +
      `http://${trackingUri}?`;
  }
  return `${start}MLFLOW_TRACKING_URI must be an http:// or https:// address, or an SQLite store ` +
    "such as sqlite:///mlflow.db.";
}
