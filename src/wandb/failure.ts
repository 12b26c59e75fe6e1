import { defined } from "../core/values.ts";
import { type Effect, Failure, type FailureCode, type FailureDetails } from "../core/failure.ts";
import { cleanDetail, isHtml } from "../http/body.ts";
import { retryAfterSeconds, waitSentence } from "../http/failure.ts";
import { isJsonObject, type Json, tryParseJson } from "../core/json.ts";

/** The errors of a GraphQL reply, with any data that came along, so that callers can use it. */
export class GraphqlFailure extends Failure {
  readonly messages: readonly string[];
  /** The data that came with the errors, if any. */
  readonly data: Json | undefined;

  constructor(
    kind: FailureCode,
    message: string,
    messages: readonly string[],
    options: FailureDetails & { data?: Json | undefined },
  ) {
    const { data, ...rest } = options;
    super(kind, message, rest);
    this.messages = messages;
    this.data = data;
  }
}

/** The messages of a reply: `{"errors":[{"message"}]}`, `{"errors":["…"]}` or `{"error":"…"}`. */
export function readMessages(body: Json | undefined): string[] {
  if (!isJsonObject(body)) return [];
  const list = Array.isArray(body.errors) ? body.errors : [body.error ?? body.message];
  return list.flatMap((entry) => {
    const text = isJsonObject(entry) ? entry.message : entry;
    return typeof text === "string" && text.trim() !== "" ? [cleanDetail(text)] : [];
  });
}

/** Whether a reply's `data` holds anything. */
export function hasData(data: Json | undefined): boolean {
  return isJsonObject(data) && Object.values(data).some((value) => value !== null);
}

/** Reads W&B's error bodies; undefined if the status alone has to explain the error. */
export function readFailure(
  status: number,
  text: string,
  headers: Headers,
  ifRefused: string,
): Failure | undefined {
  const body = isHtml(text) ? undefined : tryParseJson(text);
  const messages = readMessages(body);
  const data = isJsonObject(body) && hasData(body.data) ? body.data : undefined;
  // JSON from a gateway has a `message`; GraphQL itself refuses with a list of `errors`.
  const own = isJsonObject(body) && Array.isArray(body.errors) && data === undefined;
  const effect = status === 503 && own ? "none" : undefined;
  return createFailure({ status, messages, data, wait: readWait(headers), ifRefused, effect });
}

/** The failure for error messages that came with HTTP 200. */
export function createMessageFailure(
  messages: readonly string[],
  data: Json | undefined,
  ifRefused: string,
): Failure {
  return createFailure({
    status: guessStatus(messages),
    messages,
    data,
    wait: undefined,
    ifRefused,
  }) ??
    new GraphqlFailure(
      "upstream_error",
      `W&B refused the query: ${quoteMessages(messages)}.`,
      messages,
      {
        data,
      },
    );
}

/** The failure for a reply in which a field has an unexpected type. */
export function createFormFailure(at: readonly PropertyKey[]): Failure {
  return new Failure(
    "upstream_error",
    `W&B's reply has an unexpected form at ${at.map(String).join(".") || "its root"}.`,
    { hint: "The server may run a version that this program does not know." },
  );
}

interface Refusal {
  readonly status: number;
  readonly messages: readonly string[];
  readonly data: Json | undefined;
  readonly wait: number | undefined;
  readonly ifRefused: string;
  readonly effect?: Effect | undefined;
}

function createFailure(refusal: Refusal): Failure | undefined {
  const { status, messages, data, wait, ifRefused, effect } = refusal;
  const detail = quoteMessages(messages);
  const as = (code: FailureCode, message: string, hint?: string, retryable = false) =>
    new GraphqlFailure(code, message, messages, {
      status,
      data,
      retryable,
      effect,
      ...defined({ hint }),
    });
  if ((status === 400 || status === 422) && messages.length > 0) {
    return as("invalid_arguments", `W&B refused the query: ${detail}.`);
  }
  if (status === 404 && messages.length === 0) return undefined;
  const shared = createAccountFailure("W&B", status, detail, { wait, ifRefused });
  return shared && as(shared.code, shared.message, shared.hint, shared.retryable);
}

/** What a status means on W&B and on Weave alike; undefined for any other status. */
export function createAccountFailure(
  service: string,
  status: number,
  detail: string,
  { ifRefused, wait }: { readonly ifRefused: string; readonly wait?: number | undefined },
): Failure | undefined {
  const suffix = detail === "" ? "" : `: ${detail}`;
  const as = (code: FailureCode, message: string, hint: string, retryable = false) =>
    new Failure(code, `${service} ${message}`, { hint, status, retryable });
  switch (status) {
    case 401:
      return as(
        "unauthorized",
        `refused the API key (HTTP 401)${suffix}: it is missing, malformed, or not ` +
          "authorized for this entity or team.",
        ifRefused,
      );
    case 403:
      return as(
        "forbidden",
        `does not permit this (HTTP 403)${suffix}.`,
        "The key has no access to this entity or project (list_entities_tool shows what it has), " +
          "or a field or value in the call is not allowed.",
      );
    case 404:
      return as(
        "not_found",
        `found nothing there${suffix}.`,
        "Check the entity and project names (list_entities_tool, query_wandb_entity_projects); " +
          "a key without access sees nothing either. If every call fails like this, the server's " +
          "address is wrong.",
      );
    case 409:
      return as(
        "conflict",
        `reports a conflict (HTTP 409)${suffix}.`,
        "Something of that name already exists, or it was changed in the meantime: read it again.",
      );
    case 429:
      return as(
        "rate_limited",
        `limits the rate of requests (HTTP 429)${suffix}.` +
          waitSentence(wait),
        "Wait, then repeat the call and ask for less at a time. On Dedicated Cloud each instance " +
          "has its own limits, which W&B support can raise.",
        true,
      );
  }
  if (status < 500 || status === 501) return undefined;
  return as(
    "upstream_error",
    `failed (HTTP ${status})${suffix}.`,
    "Repeat the call; if it keeps failing, see status.wandb.com or the instance's log.",
    true,
  );
}

/** Guesses a status from messages that came without one. */
function guessStatus(messages: readonly string[]): number {
  const text = messages.join(" ").toLowerCase();
  if (/rate limit|too many requests/.test(text)) return 429;
  if (/not logged in|api key|unauthenticated|unauthorized|must be logged/.test(text)) return 401;
  if (/permission denied|forbidden|not permitted|access denied|not authorized/.test(text)) {
    return 403;
  }
  if (/not found|could not find|does not exist|no such/.test(text)) return 404;
  if (/internal (server )?error|timed? ?out|deadline|unavailable/.test(text)) return 503;
  return 400;
}

function quoteMessages(messages: readonly string[]): string {
  const shown = messages.slice(0, 3).join("; ");
  return messages.length > 3 ? `${shown} (and ${messages.length - 3} more)` : shown;
}

/** Seconds until the rate limit allows another request, from `Retry-After` or `RateLimit-Reset`. */
export function readWait(headers: Headers): number | undefined {
  for (const name of ["retry-after", "ratelimit-reset"]) {
    const seconds = retryAfterSeconds(headers.get(name));
    if (seconds !== undefined) return seconds;
  }
  return undefined;
}
