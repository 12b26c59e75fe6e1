import { Failure } from "../core/failure.ts";
import type { z } from "zod";
import type { Log } from "../core/log.ts";
import { isHtml } from "../http/body.ts";
import { openSession, type UpstreamSession } from "../http/client.ts";
import { isJsonObject, type Json, tryParseJson } from "../core/json.ts";
import { path } from "../http/path.ts";
import type { UpstreamOptions } from "../http/request.ts";
import { createTransport, type Transport } from "../http/transport.ts";
import type { Credentials } from "../http/wandb_credentials.ts";
import {
  failureOfMessages,
  GraphqlFailure,
  hasData,
  messagesOf,
  readFailure,
  unexpectedForm,
} from "./failure.ts";
import { compact, isMutation, type UnknownField, unknownFields, withoutFields } from "./graphql.ts";
import { createLinks, type WandbLinks } from "./links.ts";
import { paced } from "./pace.ts";

/** What {@link createWandb} needs. */
export interface WandbOptions {
  /** The API's address. */
  readonly baseUrl: URL;
  /** The web application's address. */
  readonly appUrl: URL;
  /** Who asks. */
  readonly credentials: Credentials;
  /** Entity when a call names none. */
  readonly entity?: string | undefined;
  /** Project when a call names none. */
  readonly project?: string | undefined;
  /** Milliseconds for one tool call. */
  readonly timeoutMs: number;
  /** Where attempts are told. */
  readonly log: Log;
  /** Milliseconds before the first retry; 500 if not given. */
  readonly backoffMs?: number;
  /** How bytes travel, for tests. */
  readonly transport?: Transport;
}

/** A reply's data, and what the server said was wrong with part of it. */
export interface Answer<T> {
  /** The data, checked. */
  readonly data: T;
  /** Errors that came with partial data; empty for a whole answer. */
  readonly problems: readonly string[];
}

/** The requests of one tool call to W&B. */
export interface WandbSession {
  /** Sends one of our documents; fields that the server lacks are left out where optional. */
  ask<T>(
    document: string,
    variables: Readonly<Record<string, unknown>>,
    shape: z.ZodType<T>,
  ): Promise<Answer<T>>;
  /** Sends a caller's query as it is. */
  query(text: string, variables: Readonly<Record<string, unknown>>): Promise<Answer<Json>>;
  /** The error for a reply whose wanted part is missing, by what the server said of it. */
  refused(problems: readonly string[]): Failure;
  /** The HTTP side, for what is not GraphQL; adds no credentials of its own accord. */
  readonly http: UpstreamSession;
  /** The `Authorization` header for the API's own host. */
  authorization(): Promise<string>;
}

/** W&B as the tools see it. */
export interface Wandb {
  /** The API's address. */
  readonly baseUrl: URL;
  /** Entity when a call names none. */
  readonly entity: string | undefined;
  /** Project when a call names none. */
  readonly project: string | undefined;
  /** Web pages. */
  readonly links: WandbLinks;
  /** Opens the requests of one tool call. */
  open(signal: AbortSignal): WandbSession;
}

/** The client; one for the process, so that what a server lacks is found out once. */
export function createWandb(options: WandbOptions): Wandb {
  const lacking: UnknownField[] = [];
  const { baseUrl, appUrl, entity, project, log, credentials } = options;
  const redact = (text: string) =>
    credentials.secrets().filter((secret) => secret.length >= 6)
      .reduce((result, secret) => result.replaceAll(secret, "***"), text);
  const upstream: UpstreamOptions = {
    service: "W&B",
    setting: "WANDB_BASE_URL",
    baseUrl,
    headers: () => ({}),
    transport: paced(options.transport ?? createTransport()),
    timeoutMs: options.timeoutMs,
    retry: {
      maxRetries: 3,
      backoffMs: options.backoffMs ?? 500,
      jitterMs: (options.backoffMs ?? 500) / 4,
      respectRetryAfter: true,
    },
    readError: (status, body, headers) => readFailure(status, redact(body), headers, appUrl),
    onAttempt: (attempt) => log.debug("W&B request", { ...attempt }),
  };
  return {
    baseUrl,
    entity,
    project,
    links: createLinks(appUrl),
    open: (signal) => {
      const http = openSession(upstream, signal);
      const post = async (query: string, variables: Readonly<Record<string, unknown>>) => {
        const text = await http.text({
          method: "POST",
          path: path`/graphql`,
          json: { query, variables },
          headers: { authorization: await credentials.authorization(http) },
          repeatable: !isMutation(query),
        });
        return readReply(redact(text), appUrl);
      };
      const send = async (query: string, variables: Readonly<Record<string, unknown>>) => {
        try {
          return await post(query, variables);
        } catch (error) {
          if (error instanceof GraphqlFailure && error.data !== undefined) {
            return { data: error.data, problems: error.messages };
          }
          const expired = error instanceof Failure && error.status === 401;
          if (expired && credentials.renew()) return await post(query, variables);
          throw error;
        }
      };
      return {
        http,
        authorization: () => credentials.authorization(http),
        query: send,
        refused: (problems) => failureOfMessages(problems, undefined, appUrl),
        ask: async (document, variables, shape) => {
          const answer = await askTolerantly(document, variables, lacking, send);
          const parsed = shape.safeParse(answer.data);
          if (parsed.success) return { data: parsed.data, problems: answer.problems };
          if (answer.problems.length > 0) {
            throw failureOfMessages(answer.problems, undefined, appUrl);
          }
          log.debug("Unexpected reply of W&B", { issue: parsed.error.issues[0] });
          throw unexpectedForm(parsed.error.issues[0]?.path ?? []);
        },
      };
    },
  };
}

/** Sends a document, again without the optional fields that the server turns out not to know. */
async function askTolerantly(
  document: string,
  variables: Readonly<Record<string, unknown>>,
  lacking: UnknownField[],
  send: (query: string, variables: Readonly<Record<string, unknown>>) => Promise<Answer<Json>>,
): Promise<Answer<Json>> {
  for (let attempt = 0;; attempt++) {
    const reduced = withoutFields(document, lacking);
    try {
      return await send(compact(reduced), variables);
    } catch (error) {
      if (!(error instanceof GraphqlFailure)) throw error;
      const found = unknownFields(error.messages);
      if (found.length === 0) throw error;
      const smaller = withoutFields(reduced, found);
      if (smaller === reduced || attempt >= 5) {
        throw new Failure(
          "unsupported",
          `This W&B server does not have ${found.map((one) => `${one.type}.${one.field}`)}.`,
          { hint: "The server is too old for this tool.", cause: error },
        );
      }
      lacking.push(...found);
    }
  }
}

/** The data of a reply; partial data come with the server's complaints. */
function readReply(text: string, appUrl: URL): Answer<Json> {
  const body = tryParseJson(text);
  if (!isJsonObject(body) || !("data" in body || "errors" in body || "error" in body)) {
    const what = isHtml(text) ? "a web page" : text.trim() === "" ? "nothing" : "no GraphQL reply";
    throw new Failure("upstream_error", `W&B answered with ${what}.`, {
      hint: "Check that WANDB_BASE_URL is the address of a W&B server and that no login page or " +
        "proxy is in between.",
    });
  }
  const messages = messagesOf(body);
  const data = body.data ?? null;
  if (messages.length > 0 && !hasData(data)) throw failureOfMessages(messages, undefined, appUrl);
  return { data, problems: messages };
}
