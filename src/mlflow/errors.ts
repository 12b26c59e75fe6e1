import * as z from "zod";
import { Failure, type FailureCode } from "../core/failure.ts";
import { tryParseJson } from "../core/json.ts";
import { createLookup } from "../core/values.ts";
import { cleanDetail } from "../http/body.ts";

const ErrorBody = z.looseObject({ error_code: z.string(), message: z.string().optional() });

const KINDS: Readonly<Record<string, FailureCode>> = createLookup({
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
});

/** The only 503 that MLflow sends before it acts; one for a failing database comes at any time. */
const DISABLED = /^Endpoint: .{1,200} disabled (?:due to|because) .*? (running \w+ [`\w -]{1,60})/;

/** Reads MLflow's own error body; undefined if the body has another form. */
export function readMlflowError(status: number, body: string): Failure | undefined {
  const parsed = ErrorBody.safeParse(tryParseJson(body));
  if (!parsed.success) {
    const disabled = status === 503 ? DISABLED.exec(body)?.[1] : undefined;
    if (disabled !== undefined) {
      return new Failure("unsupported", `This MLflow server does not serve that: ${disabled}.`, {
        status,
        effect: "none",
        hint: "Start it without that option, or set MLFLOW_TRACKING_URI to another server.",
      });
    }
    if (status === 403 && /Invalid Host header/i.test(body)) {
      return new Failure(
        "forbidden",
        "MLflow does not accept this host name (HTTP 403: invalid Host header).",
        {
          status,
          hint: "Start the server with --allowed-hosts, or use its IP address or localhost.",
        },
      );
    }
    return undefined;
  }
  const { error_code: upstreamCode, message = "" } = parsed.data;
  if (status === 401 || status === 403) return undefined;
  const detail = cleanDetail(message);
  if (/FOREIGN KEY constraint/i.test(message)) {
    return new Failure("not_found", "There is no such trace.", { status, upstreamCode });
  }
  if (upstreamCode === "NOT_FOUND" && /^Trace data not found/i.test(message)) {
    return new Failure("not_found", "The trace is known, but its spans are not stored.", {
      status,
      upstreamCode,
      hint: "It may still be running; its info can be read.",
    });
  }
  if (/^Workspace '.*' not found/i.test(message)) {
    // Not "not found": what was asked for may well exist.
    return new Failure("unsupported", `MLflow: ${detail}.`, {
      status,
      hint: "Check MLFLOW_WORKSPACE.",
    });
  }
  if (/workspaces are not enabled/i.test(message)) {
    return new Failure("unsupported", "This MLflow server has no workspaces.", {
      status,
      upstreamCode,
      hint: "Unset MLFLOW_WORKSPACE, or start the server with --enable-workspaces.",
    });
  }
  if (status >= 500) {
    return new Failure(
      "upstream_error",
      `MLflow failed (HTTP ${status}${detail === "" ? "" : `: ${detail}`}).`,
      {
        status,
        upstreamCode,
        // An INTERNAL_ERROR comes again on a retry: it is often the result of bad input.
        retryable: status !== 500 && status !== 501 && upstreamCode !== "INTERNAL_ERROR",
        hint:
          "An argument may be one that MLflow does not validate; otherwise see the server's log.",
      },
    );
  }
  return new Failure(
    KINDS[upstreamCode] ?? (status === 404 ? "not_found" : "invalid_arguments"),
    `MLflow: ${detail === "" ? upstreamCode : detail}.`,
    { status, upstreamCode, retryable: status === 429 },
  );
}

/** Failures of the server as a whole: the next request would fail, too. */
export const SERVER_FAILURES: ReadonlySet<FailureCode> = new Set<FailureCode>([
  "rate_limited",
  "timeout",
  "cancelled",
  "unreachable",
]);

/**
 * Returns an error as a failure that keeps what was read; rethrows a cancellation and others.
 *
 * @param form The message for a reply in an unexpected form.
 */
export function requireFailure(error: unknown, form: string): Failure {
  if (error instanceof Failure && error.code !== "cancelled") return error;
  if (!(error instanceof z.ZodError)) throw error;
  return new Failure("upstream_error", form, { cause: error });
}

/** A failure to read spans. */
export function requireSpanFailure(error: unknown): Failure {
  return requireFailure(error, "A span is not in a form that MLflow writes.");
}

/** Describes a failure in a note. */
export function describeFailure({ message, hint }: Failure): string {
  return [message, hint].filter((text) => text !== undefined).join(" ");
}
