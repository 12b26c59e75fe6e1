/**
 * States of traces and spans, in whatever words.
 *
 * @module
 */
import { didYouMean } from "../../core/failure.ts";
import { type Entity, FilterError } from "./ast.ts";

const TRACE = ["OK", "ERROR", "IN_PROGRESS", "STATE_UNSPECIFIED"];
const SPAN = ["OK", "ERROR", "UNSET"];

const WORDS: ReadonlyMap<string, string> = new Map([
  ["SUCCESS", "OK"],
  ["SUCCEEDED", "OK"],
  ["SUCCESSFUL", "OK"],
  ["COMPLETED", "OK"],
  ["FINISHED", "OK"],
  ["FAIL", "ERROR"],
  ["FAILED", "ERROR"],
  ["FAILURE", "ERROR"],
  ["ERRORED", "ERROR"],
  ["EXCEPTION", "ERROR"],
  ["RUNNING", "IN_PROGRESS"],
  ["PENDING", "IN_PROGRESS"],
  ["UNSPECIFIED", "STATE_UNSPECIFIED"],
]);

/**
 * The state that a word means, in any case: `failed` is `ERROR`.
 *
 * @throws {FilterError} listing the states for any other word.
 */
export function statusText(word: string, entity: Entity, at: number): string {
  const states = entity === "span" ? SPAN : TRACE;
  const plain = word.trim().toUpperCase().replace(/[\s-]+/g, "_")
    .replace(/^(?:STATUS_CODE_|TRACE_STATUS_)/, "");
  const state = WORDS.get(plain) ?? plain;
  if (states.includes(state)) return state;
  const meant = didYouMean(
    plain,
    [...states, ...WORDS.keys()],
    (near) => WORDS.get(near) ?? near,
    1,
  );
  const hint = `A status is one of ${states.join(", ")}.`;
  throw new FilterError(`There is no status ${JSON.stringify(word)}${meant}`, at, hint);
}
