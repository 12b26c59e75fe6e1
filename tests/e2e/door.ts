/**
 * What the program has to do wherever and however it was installed: serve both ways, read a local
 * store, refuse what it may not do, end when it should, and leave nothing behind.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import manifest from "../../deno.json" with { type: "json" };
import { ROOT } from "../support/python/layout.ts";
import { type Program, run, start } from "../support/product.ts";
import { EXPERIMENT, startFakeMlflow, traceId } from "./fake_mlflow.ts";
import { answerTo, callOverHttp, initialize, LEGACY, send } from "./rpc.ts";

const SEARCH = { name: "search_traces", arguments: { experiment_id: EXPERIMENT } };

/** A store that MLflow wrote. */
export const EXAMPLE: string = join(ROOT, "examples", "mlflow.db");

/** Tries all of it; `store` is a copy of {@link EXAMPLE}. */
export async function checkDoor(program: Program, store: string = EXAMPLE): Promise<void> {
  const version = await run(["--version"], {}, "", program);
  assert.deepEqual([version.code, version.stderr], [0, ""]);
  assert.match(version.stdout, new RegExp(`^wandflow ${manifest.version}\\b`));
  await checkStdio(program);
  await checkHttp(program);
  await checkStore(program, store);
  await checkPermissions(program);
}

async function checkStdio(program: Program): Promise<void> {
  await using mlflow = startFakeMlflow();
  await using server = await start(["stdio"], { MLFLOW_TRACKING_URI: mlflow.url }, program);
  await initialize(server);
  await send(server, { id: 1, method: "tools/list" });
  assert.match(JSON.stringify((await answerTo(server, 1)).result), /"search_traces"/);
  await send(server, { id: 2, method: "tools/call", params: SEARCH });
  assert.ok(JSON.stringify((await answerTo(server, 2)).result).includes(traceId(0)));
  await server.end();
  assert.equal((await server.status()).code, 0);
  assert.equal(server.stderr.text, "");
}

/** Standard error holds one line of ours, and nothing that the runtime has to say. */
async function checkHttp(program: Program): Promise<void> {
  await using mlflow = startFakeMlflow();
  const env = { MLFLOW_TRACKING_URI: mlflow.url };
  const words = ["serve", "--transport", "http", "--port", "0"];
  await using server = await start(words, env, program);
  const url = await server.stderr.until((text) => /^Listening on (\S+)$/m.exec(text)?.[1]);
  for (let count = 0; count < 2; count++) {
    const answer = await callOverHttp(url, LEGACY, SEARCH.name, SEARCH.arguments);
    assert.ok((await answer.text()).includes(traceId(0)));
  }
  server.signal("SIGTERM");
  assert.equal((await server.status()).code, 0);
  assert.equal(server.stderr.text, `Listening on ${url}\n`);
}

/** The store's reader is a worker of its own. */
async function checkStore(program: Program, store: string): Promise<void> {
  const env = { MLFLOW_TRACKING_URI: `sqlite:///${store}` };
  const words = ["call", "search_traces", "experiment_id=1", "filter_string=status RLIKE '^E'"];
  const { code, stdout, stderr } = await run(words, env, "", program);
  assert.deepEqual([code, stderr], [0, ""], stdout);
  assert.match(stdout, /"trace_id":"tr-/);
}

/** A redirect to another host is not followed, metadata services are never reached. */
async function checkPermissions(program: Program): Promise<void> {
  await using other = startFakeMlflow();
  await using mlflow = startFakeMlflow((url) =>
    Response.redirect(`${other.url}${url.pathname}`, 307)
  );
  const words = ["call", "search_traces", `experiment_id=${EXPERIMENT}`];
  const away = await run(words, { MLFLOW_TRACKING_URI: mlflow.url }, "", program);
  assert.equal(away.code, 1);
  assert.match(away.stdout + away.stderr, /host_not_allowed/);
  assert.ok(mlflow.seen.length > 0);
  assert.equal(other.seen.length, 0);
  const metadata = { MLFLOW_TRACKING_URI: "http://169.254.169.254" };
  const refused = await run(["tools"], metadata, "", program);
  assert.deepEqual([refused.code, refused.stdout], [2, ""]);
  assert.match(refused.stderr, /169\.254\.0\.0\/16/);
  // Neither a flag nor a variable of the runtime's widens anything.
  const wide = await run(["--allow-all", "tools"], {}, "", program);
  assert.equal(wide.code, 2);
  assert.match(wide.stderr, /Unknown flag --allow-all/);
}

/** Every file and folder below some folders, with size and time, to be compared. */
export function listBelow(...folders: readonly string[]): string[] {
  const found = folders.flatMap((folder) =>
    [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }): string[] => {
      const path = join(folder, name);
      const { size, mtime } = Deno.lstatSync(path);
      const own = `${path} ${isDirectory ? "" : size} ${mtime?.getTime()}`;
      return isDirectory ? [own, ...listBelow(path)] : [own];
    })
  );
  return found.sort();
}
