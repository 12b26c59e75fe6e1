import { DatabaseSync } from "node:sqlite";

/** How large a store is made. */
export interface Scale {
  /** Traces, in one experiment. */
  readonly traces: number;
  /** Spans of each. */
  readonly spansPerTrace: number;
}

/** What is in a store that {@link scaleStore} made. */
export interface ScaledStore extends Scale {
  /** The experiment's id. */
  readonly experimentId: string;
  /** Milliseconds since 1970 of the first trace; each further one is a second later. */
  readonly firstMillis: number;
}

const EXPERIMENT = 77;
const FIRST = Date.UTC(2026, 0, 1);

/**
 * Fills a copy of a store with generated traces, by SQL: number n, from 0, has the id `tr-` and n in
 * 32 hex digits, started n seconds after the first, took n % 9000 ms, failed where n % 50 is 0, is
 * named after n % 20, and has the tag `shard` n % 1000. Its spans hold 600 characters of JSON.
 *
 * @param path A store of the newest MLflow, which is changed.
 */
export function scaleStore(path: string, { traces, spansPerTrace }: Scale): ScaledStore {
  using database = new DatabaseSync(path, { enableForeignKeyConstraints: false });
  database.exec("PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF; PRAGMA cache_size = -100000");
  database.function("base64", { deterministic: true }, (hex) => {
    return Uint8Array.fromHex(String(hex)).toBase64();
  });
  database.exec("BEGIN");
  database.exec(`
    INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage,
      creation_time, last_update_time)
    VALUES (${EXPERIMENT}, 'scale', 'mlflow-artifacts:/${EXPERIMENT}', 'active', 0, 0);
    CREATE TEMP TABLE numbers AS WITH RECURSIVE counting(n) AS (
      SELECT 0 UNION ALL SELECT n + 1 FROM counting WHERE n < ${traces - 1}
    ) SELECT n, 'tr-' || printf('%032x', n) AS id, base64(printf('%032x', n)) AS trace
    FROM counting;
    INSERT INTO trace_info (request_id, experiment_id, timestamp_ms, execution_time_ms, status,
      client_request_id, request_preview, response_preview, trace_name, session_id)
    SELECT id, ${EXPERIMENT}, ${FIRST} + n * 1000, n % 9000,
      CASE WHEN n % 50 = 0 THEN 'ERROR' ELSE 'OK' END, 'client-' || n, 'question ' || n,
      'answer ' || n, 'agent ' || (n % 20), 'session ' || (n / 10) FROM numbers;
    INSERT INTO trace_tags (key, value, request_id)
      SELECT 'shard', n % 1000, id FROM numbers;
    INSERT INTO trace_tags (key, value, request_id)
      SELECT 'mlflow.trace.spansLocation', 'TRACKING_STORE', id FROM numbers;
    INSERT INTO trace_request_metadata (key, value, request_id)
      SELECT 'mlflow.trace.user', 'user ' || (n % 100), id FROM numbers;
    WITH RECURSIVE counting(s) AS (
      SELECT 0 UNION ALL SELECT s + 1 FROM counting WHERE s < ${spansPerTrace - 1}
    )
    INSERT INTO spans (trace_id, experiment_id, span_id, parent_span_id, name, type, status,
      start_time_unix_nano, end_time_unix_nano, content)
    SELECT id, ${EXPERIMENT}, printf('%016x', s + 1),
      CASE WHEN s = 0 THEN NULL ELSE printf('%016x', 1) END, 'step ' || s,
      CASE s % 3 WHEN 0 THEN 'AGENT' WHEN 1 THEN 'LLM' ELSE 'TOOL' END,
      CASE WHEN n % 50 = 0 AND s = 0 THEN 'ERROR' ELSE 'OK' END,
      (${FIRST} + n * 1000) * 1000000 + s, (${FIRST} + n * 1000 + 5) * 1000000,
      '{"trace_id": "' || trace || '", "span_id": "' || base64(printf('%016x', s + 1))
        || '", "parent_span_id": ' || CASE WHEN s = 0 THEN 'null'
          ELSE '"AAAAAAAAAAE="' END
        || ', "name": "step ' || s || '", "start_time_unix_nano": '
        || ((${FIRST} + n * 1000) * 1000000 + s) || ', "end_time_unix_nano": '
        || ((${FIRST} + n * 1000 + 5) * 1000000)
        || ', "events": [], "status": {"code": "STATUS_CODE_OK", "message": ""}, "attributes": '
        || '{"mlflow.traceRequestId": "\\"' || id || '\\"", "mlflow.spanType": "\\"TOOL\\"", "number": "' || n || '", "word": "\\"w'
        || (n % 5000) || '\\"", "filler": "\\"' || '${"lorem ipsum ".repeat(16)}'
        || '\\""}, "links": []}'
    FROM numbers, counting;
    DROP TABLE numbers;
  `);
  database.exec("COMMIT");
  return { traces, spansPerTrace, experimentId: String(EXPERIMENT), firstMillis: FIRST };
}
