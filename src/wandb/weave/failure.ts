import { Failure, type FailureCode } from "../../core/failure.ts";
import { cleanDetail, isHtml } from "../../http/body.ts";
import { isJsonObject, tryParseJson } from "../../core/json.ts";
import { accountFailure, waitOf } from "../failure.ts";

/** Words of a query that was too expensive, which no repetition makes cheaper. */
const EXPENSIVE = /memory|limit the scope|too expensive|time ?out|took too long/i;

/** Reads the trace service's error bodies; undefined leaves the error to its status. */
export function readFailure(
  status: number,
  text: string,
  headers: Headers,
  appUrl: URL,
): Failure | undefined {
  const said = reasonOf(text);
  const suffix = said === "" ? "" : `: ${said}`;
  const as = (code: FailureCode, message: string, hint?: string) =>
    new Failure(code, message, { hint, status });
  const narrower = "Narrow the filters or the time range, or ask for fewer rows or columns.";
  switch (status) {
    case 404:
      if (isHtml(text) || said === "" || /^not found$/i.test(said)) return undefined;
      break;
    case 400:
    case 422:
      return as("invalid_arguments", `Weave refused the query (HTTP ${status})${suffix}.`);
    case 413:
      return as("invalid_arguments", `The query is too large for Weave (HTTP 413)${suffix}.`);
    case 500:
      // A query that fails so is likely to fail again.
      return undefined;
    case 502:
      if (!EXPENSIVE.test(said)) break;
      return as("upstream_error", `The query needs too much memory (HTTP 502)${suffix}.`, narrower);
    case 504:
      return as("timeout", `The query took Weave too long (HTTP 504)${suffix}.`, narrower);
  }
  return accountFailure("Weave", status, said, { wait: waitOf(headers), appUrl });
}

/** The sentence in `{"reason": …}` or `{"detail": …}`; of a list of problems, the first ones. */
function reasonOf(text: string): string {
  const body = isHtml(text) ? undefined : tryParseJson(text);
  if (!isJsonObject(body)) return "";
  const reason = body.reason ?? body.detail ?? body.message ?? body.error ?? "";
  if (typeof reason === "string") return cleanDetail(reason);
  if (!Array.isArray(reason)) return "";
  const problems = reason.slice(0, 3).flatMap((problem) => {
    if (!isJsonObject(problem) || typeof problem.msg !== "string") return [];
    const where = Array.isArray(problem.loc) ? problem.loc.map(String).join(".") : "";
    return [where === "" ? problem.msg : `${where}: ${problem.msg}`];
  });
  return cleanDetail(problems.join("; "));
}
