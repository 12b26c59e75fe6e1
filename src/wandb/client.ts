import type { z } from "zod";
import { Failure, isFailure } from "../core/failure.ts";
import { isJsonObject, type Json } from "../core/json.ts";
import { openSession, parseReply, type UpstreamSession } from "../http/client.ts";
import { doubtWrite } from "../http/failure.ts";
import { path } from "../http/request.ts";
import { createTransport, formatHostPort, mayReach } from "../http/transport.ts";
import type { Account } from "./account.ts";
import {
  createFormFailure,
  createMessageFailure,
  GraphqlFailure,
  hasData,
  readFailure,
  readMessages,
} from "./failure.ts";

/** A reply's data, and the errors that the server reported for parts of it. */
export interface Answer<T> {
  readonly data: T;
  /** Errors that came with partial data; empty for a complete reply. */
  readonly problems: readonly string[];
}

/** The requests of one tool call to W&B. */
export interface WandbSession {
  /** Sends one of our documents, without the optional fields that the server lacks. */
  ask<T>(
    document: string,
    variables: Readonly<Record<string, unknown>>,
    shape: z.ZodType<T>,
  ): Promise<Answer<T>>;
  query(text: string, variables: Readonly<Record<string, unknown>>): Promise<Answer<Json>>;
  /** The failure for a reply without the part that was needed, from the server's errors. */
  createFailure(problems: readonly string[]): Failure;
  /** Plain HTTP for requests other than GraphQL; adds no credentials. */
  readonly http: UpstreamSession;
}

/** W&B's API as the tools see it. */
export interface Wandb extends Account {
  /** Opens the requests of one tool call. */
  open(signal: AbortSignal): WandbSession;
}

/** Creates an account's client, which adds fields that the server lacks to `missingFields`. */
export function createWandb(account: Account, missingFields: UnknownField[] = []): Wandb {
  const { ifRefused, log } = account;
  const upstream = account.connect({
    service: "W&B",
    setting: "WANDB_BASE_URL",
    baseUrl: account.baseUrl,
    pace: true,
    readError: (status, body, headers) => readFailure(status, body, headers, ifRefused),
  });
  return {
    ...account,
    open: (signal) => {
      const http = openSession(upstream, signal);
      const post = async (query: string, variables: Readonly<Record<string, unknown>>) => {
        const text = await account.authorized(http, (authorization) =>
          http.text({
            method: "POST",
            path: path`/graphql`,
            json: { query, variables },
            headers: { authorization },
            repeatable: !isMutation(query),
          }));
        try {
          return readReply(parseReply(log.redact(text), upstream, 200), ifRefused);
        } catch (error) {
          // As with HTTP 500, an "internal error" in a 200 reply may come after a write.
          throw isMutation(query) && isFailure(error) ? doubtWrite(error) : error;
        }
      };
      const send = async (query: string, variables: Readonly<Record<string, unknown>>) => {
        try {
          return await post(query, variables);
        } catch (error) {
          if (!(error instanceof GraphqlFailure) || error.data === undefined) throw error;
          return { data: error.data, problems: error.messages };
        }
      };
      return {
        http,
        query: send,
        createFailure: (problems) => createMessageFailure(problems, undefined, ifRefused),
        ask: async (document, variables, shape) => {
          const answer = await askTolerantly(document, variables, missingFields, send);
          const parsed = shape.safeParse(answer.data);
          if (parsed.success) return { data: parsed.data, problems: answer.problems };
          if (answer.problems.length > 0) {
            throw createMessageFailure(answer.problems, undefined, ifRefused);
          }
          log.debug("Unexpected reply from W&B", { issue: parsed.error.issues[0] });
          throw createFormFailure(parsed.error.issues[0]?.path ?? []);
        },
      };
    },
  };
}

/** Sends a document, and again without any optional field that the server does not know. */
async function askTolerantly(
  document: string,
  variables: Readonly<Record<string, unknown>>,
  missingFields: UnknownField[],
  send: (query: string, variables: Readonly<Record<string, unknown>>) => Promise<Answer<Json>>,
): Promise<Answer<Json>> {
  for (let attempt = 0;; attempt++) {
    const reduced = removeFields(document, missingFields);
    try {
      return await send(compactDocument(reduced), variables);
    } catch (error) {
      if (!(error instanceof GraphqlFailure)) throw error;
      const found = findUnknownFields(error.messages);
      if (found.length === 0) throw error;
      const smaller = removeFields(reduced, found);
      if (smaller === reduced || attempt >= 5) {
        throw new Failure(
          "unsupported",
          `This W&B server does not have ${found.map((one) => `${one.type}.${one.field}`)}.`,
          { hint: "The server is too old for this tool.", cause: error },
        );
      }
      missingFields.push(...found);
    }
  }
}

/** Reads a reply's data, with the server's errors if the data is partial. */
function readReply(body: Json, ifRefused: string): Answer<Json> {
  if (!isJsonObject(body) || !("data" in body || "errors" in body || "error" in body)) {
    throw new Failure("upstream_error", "W&B answered with JSON that is not a GraphQL reply.", {
      hint: "Check that WANDB_BASE_URL is the address of a W&B server and that no login page or " +
        "proxy is in between.",
    });
  }
  const messages = readMessages(body);
  const data = body.data ?? null;
  if (messages.length > 0 && !hasData(data)) {
    throw createMessageFailure(messages, undefined, ifRefused);
  }
  return { data, problems: messages };
}

/** A field that the server does not know, in its own words. */
export interface UnknownField {
  readonly type: string;
  readonly field: string;
}

/** Fields that the server's messages reject, either themselves or for one of their arguments. */
export function findUnknownFields(messages: readonly string[]): UnknownField[] {
  return messages.flatMap((message) => {
    const field = /Cannot query field "(\w+)" on type "(\w+)"/.exec(message);
    if (field !== null) return [{ type: field[2] ?? "", field: field[1] ?? "" }];
    const argument = /Unknown argument "\w+" on field "(?:(\w+)\.)?(\w+)"(?: of type "(\w+)")?/
      .exec(message);
    if (argument === null) return [];
    return [{ type: argument[1] ?? argument[3] ?? "", field: argument[2] ?? "" }];
  });
}

/**
 * Removes the optional lines that mention one of these fields. A line that ends in `# optional`
 * selects what older servers lack and the document can do without.
 */
export function removeFields(document: string, fields: readonly UnknownField[]): string {
  if (fields.length === 0) return document;
  return document.split("\n").filter((line) => {
    const optional = /^(.*)#\s*optional\s*$/.exec(line)?.[1];
    const words: readonly string[] = optional?.match(/\w+/g) ?? [];
    return !fields.some(({ field }) => words.includes(field));
  }).join("\n");
}

/** Removes comments and needless white space before a document is sent. */
export function compactDocument(document: string): string {
  return document.replaceAll(/#[^\n"]*$/gm, "").replaceAll(/\s+/g, " ")
    .replaceAll(/ ?([{}():,!=]) ?/g, "$1").trim();
}

/** Whether one of our documents changes anything. */
function isMutation(document: string): boolean {
  return /^\s*mutation\b/.test(document);
}

/** Milliseconds for one file; the call's own deadline applies too. */
const FILE_TIMEOUT_MS = 120_000;

/** Why a signed address may not be used; undefined if it may. */
export function explainUnreachable(url: URL, { baseUrl }: Account): string | undefined {
  const host = formatHostPort(url);
  const insecure = url.protocol === "http:" && baseUrl.protocol === "https:";
  if (mayReach(host) && !insecure) return undefined;
  return `${host}, which is not among the permitted hosts (to permit it: --allow-hosts ${host})`;
}

/**
 * Opens a session for a signed address of W&B's file store. Credentials go only to the API's host.
 */
export async function openFileStore(
  url: URL,
  account: Account,
  signal: AbortSignal,
  more: Readonly<Record<string, string>> = {},
): Promise<UpstreamSession> {
  const own = url.origin === account.baseUrl.origin;
  const headers = {
    ...(own ? { authorization: await account.authorization(signal) } : {}),
    ...more,
  };
  return openSession({
    service: "W&B's file store",
    setting: "WANDB_BASE_URL",
    baseUrl: url,
    headers: () => headers,
    transport: createTransport(),
    timeoutMs: FILE_TIMEOUT_MS,
    retry: { maxRetries: 2, backoffMs: 300, jitterMs: 100, respectRetryAfter: true },
    // The store's error text may repeat the signature.
    readError: (status) =>
      new Failure("upstream_error", `HTTP ${status}.`, {
        status,
        retryable: status === 429 || (status >= 500 && status !== 501),
      }),
  }, signal);
}
