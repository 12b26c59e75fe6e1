import type { z } from "zod";
import { Failure, isFailure } from "../core/failure.ts";
import { isJsonObject, type Json } from "../core/json.ts";
import { openSession, parseReply, type UpstreamSession } from "../http/client.ts";
import { doubtWrite } from "../http/failure.ts";
import { path } from "../http/request.ts";
import { createTransport, formatHostPort, mayReach } from "../http/transport.ts";
import type { Account } from "./account.ts";
import {
  failureOfMessages,
  GraphqlFailure,
  hasData,
  readFailure,
  readMessages,
  unexpectedForm,
} from "./failure.ts";

/** A reply's data, and what the server said was wrong with part of it. */
export interface Answer<T> {
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
  query(text: string, variables: Readonly<Record<string, unknown>>): Promise<Answer<Json>>;
  /** The error for a reply whose wanted part is missing, by what the server said of it. */
  refused(problems: readonly string[]): Failure;
  /** Plain HTTP, for what is not GraphQL; it adds no credentials by itself. */
  readonly http: UpstreamSession;
}

/** W&B's API as the tools see it. */
export interface Wandb extends Account {
  /** Opens the requests of one tool call. */
  open(signal: AbortSignal): WandbSession;
}

/** The client of an account; `lacking` is what the server turned out not to have. */
export function createWandb(account: Account, lacking: UnknownField[] = []): Wandb {
  const { appUrl, log } = account;
  const upstream = account.connect({
    service: "W&B",
    setting: "WANDB_BASE_URL",
    baseUrl: account.baseUrl,
    pace: true,
    readError: (status, body, headers) => readFailure(status, body, headers, appUrl),
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
          return readReply(parseReply(log.redact(text), upstream, 200), appUrl);
        } catch (error) {
          // "internal error" with HTTP 200 says no more of a change than HTTP 500 does.
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
      return await send(compactDocument(reduced), variables);
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

/** The data of a reply; partial data come with the server's errors. */
function readReply(body: Json, appUrl: URL): Answer<Json> {
  if (!isJsonObject(body) || !("data" in body || "errors" in body || "error" in body)) {
    throw new Failure("upstream_error", "W&B answered with JSON that is not a GraphQL reply.", {
      hint: "Check that WANDB_BASE_URL is the address of a W&B server and that no login page or " +
        "proxy is in between.",
    });
  }
  const messages = readMessages(body);
  const data = body.data ?? null;
  if (messages.length > 0 && !hasData(data)) throw failureOfMessages(messages, undefined, appUrl);
  return { data, problems: messages };
}

/** A field that the server does not know, as it names it. */
export interface UnknownField {
  readonly type: string;
  readonly field: string;
}

/** Fields, and arguments of fields, that the server's messages say it does not know. */
export function unknownFields(messages: readonly string[]): UnknownField[] {
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
 * The document without its optional lines that hold one of these fields: a line that ends in
 * `# optional` holds what older servers lack and the document can do without.
 */
export function withoutFields(document: string, fields: readonly UnknownField[]): string {
  if (fields.length === 0) return document;
  return document.split("\n").filter((line) => {
    const optional = /^(.*)#\s*optional\s*$/.exec(line)?.[1];
    const words: readonly string[] = optional?.match(/\w+/g) ?? [];
    return !fields.some(({ field }) => words.includes(field));
  }).join("\n");
}

/** The document as it is sent: without comments and needless white space. */
export function compactDocument(document: string): string {
  return document.replaceAll(/#[^\n"]*$/gm, "").replaceAll(/\s+/g, " ")
    .replaceAll(/ ?([{}():,!=]) ?/g, "$1").trim();
}

/** Whether a document of ours changes something. */
export function isMutation(document: string): boolean {
  return /^\s*mutation\b/.test(document);
}

/** Milliseconds for one file; the call's own deadline holds besides. */
const TIMEOUT = 120_000;

/** Why a signed address may not be used; undefined where it may. */
export function whyUnreachable(url: URL, { baseUrl }: Account): string | undefined {
  const host = formatHostPort(url);
  const insecure = url.protocol === "http:" && baseUrl.protocol === "https:";
  if (mayReach(host) && !insecure) return undefined;
  return `${host}, which is not among the permitted hosts (to permit it: --allow-hosts ${host})`;
}

/**
 * Opens requests to a signed address of W&B's file store. Credentials go to the API's own host only.
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
    timeoutMs: TIMEOUT,
    retry: { maxRetries: 2, backoffMs: 300, jitterMs: 100, respectRetryAfter: true },
    // The store's own words may repeat the signature.
    readError: (status) =>
      new Failure("upstream_error", `HTTP ${status}.`, {
        status,
        retryable: status === 429 || (status >= 500 && status !== 501),
      }),
  }, signal);
}
