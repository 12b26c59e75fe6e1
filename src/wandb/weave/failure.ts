import { Failure, type FailureCode } from "../../core/failure.ts";
import { cleanDetail, isHtml } from "../../http/body.ts";
import { isJsonObject, tryParseJson } from "../../core/json.ts";

/** Words of a query that was too expensive, which no repetition makes cheaper. */
const EXPENSIVE = /memory|limit the scope|too expensive|time ?out|took too long/i;

/** Reads the trace service's error bodies; undefined leaves the error to its status. */
export function readFailure(
  status: number,
  text: string,
  appUrl: URL,
): Failure | undefined {
  const said = reasonOf(text);
  const suffix = said === "" ? "" : `: ${said}`;
  const as = (kind: FailureCode, message: string, hint?: string, retryable = false) =>
    new Failure(kind, message, { hint, status, retryable });
  const narrower = "Narrow the filters or the time range, or ask for fewer rows or columns.";
  switch (status) {
    case 401:
      return as(
        "unauthorized",
        `Weave refused the API key (HTTP 401)${suffix}.`,
        `Create a key at ${appUrl.origin}/authorize and set WANDB_API_KEY; for Dedicated Cloud ` +
          "and Self-Managed set WANDB_BASE_URL to the instance that the key belongs to.",
      );
    case 403:
      return as(
        "forbidden",
        `Weave does not permit this (HTTP 403)${suffix}.`,
        "The key has no access to this project, or a field or value in the call is not allowed.",
      );
    case 404:
      if (isHtml(text) || said === "" || /^not found$/i.test(said)) return undefined;
      return as(
        "not_found",
        `Weave found nothing there${suffix}.`,
        "Check the entity and project names (list_entities_tool, query_wandb_entity_projects).",
      );
    case 400:
    case 422:
      return as("invalid_arguments", `Weave refused the query (HTTP ${status})${suffix}.`);
    case 413:
      return as("invalid_arguments", `The query is too large for Weave (HTTP 413)${suffix}.`);
    case 502:
      if (!EXPENSIVE.test(said)) return undefined;
      return as("upstream_error", `The query needs too much memory (HTTP 502)${suffix}.`, narrower);
    case 504:
      return as("timeout", `The query took Weave too long (HTTP 504)${suffix}.`, narrower);
  }
  return undefined;
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
