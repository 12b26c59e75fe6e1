import { Failure } from "../core/failure.ts";
import { stripInvisible } from "../core/visible.ts";
import type { Consent, Outcome, Preview } from "./tool.ts";

/**
 * Passes where the user agreed to a destructive call; gives the question to put to the user where
 * that is possible and nobody answered yet.
 *
 * @param tool The tool that was called.
 * @param confirm Whether the call itself says that the user agreed.
 * @param consent What the client can do, and the user's answer.
 * @param preview Works out what the call would do; asked only where somebody is told.
 * @throws {Failure} `declined` after a no; `confirmation_required` where nobody can be asked.
 */
export async function seekConsent(
  tool: { readonly name: string; readonly title: string },
  confirm: boolean,
  consent: Consent,
  preview: () => Promise<Preview | undefined>,
): Promise<Outcome | undefined> {
  const agreed = agreement(confirm, consent);
  if (agreed === "granted") return undefined;
  if (agreed === "declined") {
    throw new Failure("declined", `The user did not agree to ${tool.name}: nothing was done.`);
  }
  const { question, state, hint } = await preview() ??
    { question: `${tool.title} would be carried out.` };
  if (agreed === "ask") {
    // A person reads it: nothing in it may be hidden or steer a terminal.
    const shown = stripInvisible(question).text;
    return { kind: "ask", question: shown, ...(state === undefined ? {} : { state }) };
  }
  throw new Failure("confirmation_required", `Nothing was done. ${question}`, {
    hint: `Show this to the user; if they agree, call again with ${hint ?? "confirm=true"}.`,
  });
}

function agreement(confirm: boolean, consent: Consent): "granted" | "declined" | "ask" | "refuse" {
  // A no is a no, whatever else the call says.
  if (consent.answer === "no") return "declined";
  if (consent.canAsk && !(consent.trustConfirm && confirm)) {
    return consent.answer === "yes" ? "granted" : "ask";
  }
  return confirm ? "granted" : "refuse";
}
