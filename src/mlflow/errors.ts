import * as z from "zod";
import { cleanDetail } from "../http/body.ts";
import { UpstreamError, type UpstreamErrorKind } from "../http/errors.ts";
import { tryParseJson } from "../core/json.ts";

const ErrorBody = z.looseObject({ error_code: z.string(), message: z.string().optional() });

const KINDS: Readonly<Record<string, UpstreamErrorKind>> = {
  RESOURCE_DOES_NOT_EXIST: "not_found",
  NOT_FOUND: "not_found",
  ENDPOINT_NOT_FOUND: "unsupported",
  NOT_IMPLEMENTED: "unsupported",
  FEATURE_DISABLED: "unsupported",
  INVALID_PARAMETER_VALUE: "invalid_arguments",
  BAD_REQUEST: "invalid_arguments",
  RESOURCE_ALREADY_EXISTS: "conflict",
  RESOURCE_CONFLICT: "conflict",
  PERMISSION_DENIED: "forbidden",
  UNAUTHENTICATED: "unauthorized",
  RESOURCE_EXHAUSTED: "rate_limited",
  REQUEST_LIMIT_EXCEEDED: "rate_limited",
  TEMPORARILY_UNAVAILABLE: "upstream_error",
};

/** MLflow's own error body as an error; undefined when the body is of another form. */
export function readMlflowError(status: number, body: string): UpstreamError | undefined {
  const parsed = ErrorBody.safeParse(tryParseJson(body));
  if (!parsed.success) {
    if (status === 403 && /Invalid Host header/i.test(body)) {
      return new UpstreamError(
        "forbidden",
        "MLflow does not accept this host name (HTTP 403: invalid Host header).",
        { status, hint: "Start it with --allowed-hosts, or address it by IP or localhost." },
      );
    }
    return undefined;
  }
  const { error_code: code, message = "" } = parsed.data;
  if (status === 401 || status === 403) return undefined;
  const detail = cleanDetail(message);
  if (/FOREIGN KEY constraint/i.test(message)) {
    return new UpstreamError("not_found", "There is no such trace.", { status, code });
  }
  if (code === "NOT_FOUND" && /^Trace data not found/i.test(message)) {
    return new UpstreamError("not_found", "The trace is known, but its spans are not stored.", {
      status,
      code,
      hint: "It may still be running; its info is there.",
    });
  }
  if (/workspaces are not enabled/i.test(message)) {
    return new UpstreamError("unsupported", "This MLflow server has no workspaces.", {
      status,
      code,
      hint: "Unset MLFLOW_WORKSPACE, or start the server with --enable-workspaces.",
    });
  }
  if (status >= 500) {
    return new UpstreamError(
      "upstream_error",
      `MLflow failed (HTTP ${status}${detail === "" ? "" : `: ${detail}`}).`,
      {
        status,
        code,
        // An INTERNAL_ERROR is the same at the next try: bad input often ends in one.
        retryable: status !== 500 && status !== 501 && code !== "INTERNAL_ERROR",
        hint: "An argument may be one that MLflow does not check; otherwise its log says more.",
      },
    );
  }
  return new UpstreamError(
    KINDS[code] ?? (status === 404 ? "not_found" : "invalid_arguments"),
    `MLflow: ${detail === "" ? code : detail}.`,
    { status, code, retryable: status === 429 },
  );
}
