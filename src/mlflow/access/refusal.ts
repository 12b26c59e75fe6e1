import { Failure, type FailureCode } from "../../core/failure.ts";

/** Why a service refuses a request, by its words. */
export interface Reason {
  readonly says: RegExp;
  readonly code: FailureCode;
  readonly message: string;
  readonly hint: string;
}

/**
 * A refusal as a failure that names the variable, by the first reason that fits; a service's own
 * words may hold account numbers and signatures.
 */
export function readRefusal(
  reasons: readonly Reason[],
  status: number,
  body: string,
): Failure | undefined {
  const reason = reasons.find(({ says }) => says.test(body));
  if (reason === undefined) return undefined;
  const { code, message, hint } = reason;
  return new Failure(code, `${message} (HTTP ${status}).`, { status, hint });
}
