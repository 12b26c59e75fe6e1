import { createRequestStateCodec, type ServerContext } from "@modelcontextprotocol/server";
import * as z from "zod";
import { defined } from "../core/values.ts";
import { Failure } from "../core/failure.ts";
import { stripInvisible } from "../core/visible.ts";
import type { Consent, Outcome, Preview } from "./tool.ts";

/**
 * Returns undefined if the user agreed to a destructive call, or the question to ask if the user
 * can be asked and has not answered yet.
 *
 * @param tool The tool that was called.
 * @param confirm Whether the call itself says that the user agreed.
 * @param consent What the client can do, and the user's answer.
 * @param preview Works out what the call would do; called only if somebody will read it.
 * @throws {Failure} `declined` after a no; `confirmation_required` if nobody can be asked or
 * answers.
 */
export async function seekConsent(
  tool: { readonly name: string; readonly title: string },
  confirm: boolean,
  consent: Consent,
  preview: () => Promise<Preview | undefined>,
): Promise<Outcome | undefined> {
  const agreed = judge(confirm, consent);
  if (agreed === "granted") return undefined;
  const { question, state, hint } = await preview() ??
    { question: `${tool.title} would be carried out.` };
  if (agreed === "declined") {
    // Programs that run without a person answer no by themselves.
    throw new Failure(
      "declined",
      `The user did not agree to ${tool.name}, or nobody was there to ask. Nothing was done. ` +
        question,
      { hint: `Do not try again unasked. ${UNATTENDED}` },
    );
  }
  if (agreed === "unanswered") {
    throw new Failure(
      "confirmation_required",
      `The question was closed without an answer: nobody refused, nothing was done. ${question}`,
      { hint: `Show this to the user. ${UNATTENDED}` },
    );
  }
  if (agreed === "ask") {
    // A person reads it: nothing in it may be hidden or steer a terminal.
    const shown = stripInvisible(question).text;
    return { kind: "ask", question: shown, ...defined({ state }) };
  }
  throw new Failure("confirmation_required", `Nothing was done. ${question}`, {
    hint: `Show this to the user; if they agree, call again with ${hint ?? "confirm=true"}.`,
  });
}

const UNATTENDED = "For runs without a person, wandflow started with --trust-confirm " +
  "(WANDFLOW_TRUST_CONFIRM=true) takes confirm=true for the user's yes.";

type Verdict = "granted" | "declined" | "unanswered" | "ask" | "refuse";

function judge(confirm: boolean, consent: Consent): Verdict {
  // A no is a no, whatever else the call says.
  if (consent.answer === "no") return "declined";
  if (consent.answer === "none") return "unanswered";
  if (consent.canAsk && !(consent.trustConfirm && confirm)) {
    return consent.answer === "yes" ? "granted" : "ask";
  }
  return confirm ? "granted" : "refuse";
}

/** What a user was asked about, as it came back with the answer. */
export interface Agreement {
  readonly state?: string | undefined;
}

/** How long a question may wait for its answer, in seconds. */
const QUESTION_LIFE = 600;

const SEALED = z.object({ purpose: z.string(), state: z.string().optional() });

/** Signs what questions are about, since it travels through clients and is not kept here. */
export function createAgreements(key: Uint8Array = crypto.getRandomValues(new Uint8Array(32))): {
  /** What goes to the client with a question about `purpose`. */
  seal(purpose: unknown, state: string | undefined): Promise<string>;
  /** What was sealed; rejects what this key did not sign, and what is too old. */
  verify(sealed: string, context: ServerContext): Promise<unknown>;
} {
  const codec = createRequestStateCodec<unknown>({ key, ttlSeconds: QUESTION_LIFE });
  return {
    seal: async (purpose, state) =>
      await codec.mint({ purpose: await digest(purpose), ...defined({ state }) }),
    verify: codec.verify,
  };
}

/** Reads what was verified; undefined if it is about another purpose. */
export async function openAgreement(
  verified: unknown,
  purpose: unknown,
): Promise<Agreement | undefined> {
  const { data } = SEALED.safeParse(verified);
  return data?.purpose === await digest(purpose) ? data : undefined;
}

/** Identifies a tool, its arguments in any order, and the caller. */
async function digest(purpose: unknown): Promise<string> {
  const ordered = JSON.stringify(
    purpose,
    (_key, value: unknown) =>
      typeof value === "object" && value !== null && !Array.isArray(value)
        ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0))
        : value,
  );
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(ordered));
  return new Uint8Array(bytes).toBase64({ alphabet: "base64url", omitPadding: true });
}
