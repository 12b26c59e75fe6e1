import type { Failure } from "../../core/failure.ts";
import { readRefusal, type Reason } from "../access/refusal.ts";

/** Why AWS refuses a signed request, by the words of its services; the first that fits is told. */
export const AWS_REASONS: readonly Reason[] = [
  {
    says: /RequestTimeTooSkewed|Signature (expired|not yet current)|not yet current/i,
    code: "unauthorized",
    message: "AWS finds the time of the signature wrong",
    hint: "Set this machine's clock: a signature is good for some minutes.",
  },
  {
    says: /ExpiredToken|token .{0,40}\bexpired/i,
    code: "unauthorized",
    message: "AWS finds the keys expired",
    hint: "Renew AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN together, or the " +
      "token in AWS_WEB_IDENTITY_TOKEN_FILE.",
  },
  {
    says: /valid region|region '[\w-]+' is wrong|AuthorizationHeaderMalformed/i,
    code: "unauthorized",
    message: "AWS expects a signature for another region",
    hint: "Set AWS_REGION to the region of the server or bucket.",
  },
  {
    says: /SignatureDoesNotMatch|signature we calculated|InvalidSignature/i,
    code: "unauthorized",
    message: "AWS finds the signature wrong",
    hint: "Check AWS_SECRET_ACCESS_KEY: it does not belong to AWS_ACCESS_KEY_ID.",
  },
  {
    says: /UnrecognizedClient|InvalidAccessKeyId|InvalidClientTokenId|token .{0,40}\binvalid/i,
    code: "unauthorized",
    message: "AWS does not know the keys",
    hint: "Check AWS_ACCESS_KEY_ID and, for temporary keys, AWS_SESSION_TOKEN.",
  },
  {
    says: /InvalidIdentityToken|IDPRejectedClaim/i,
    code: "unauthorized",
    message: "AWS refused the web identity token",
    hint: "Check AWS_WEB_IDENTITY_TOKEN_FILE, and that AWS_ROLE_ARN trusts who issued it.",
  },
  {
    says: /Missing ?Authentication ?Token/i,
    code: "not_found",
    message: "AWS has no such route",
    hint: "Check MLFLOW_TRACKING_URI, with the stage of the API in its path.",
  },
  {
    says: /not authorized|AccessDenied|Access ?Denied|explicit deny|"Forbidden"/i,
    code: "forbidden",
    message: "AWS does not permit this",
    hint: "The identity of AWS_ACCESS_KEY_ID or AWS_ROLE_ARN lacks the permission, such as " +
      "execute-api:Invoke for a server, s3:GetObject for a bucket.",
  },
];

/** AWS's refusal as a failure that names the variable. */
export function readAwsRefusal(status: number, body: string): Failure | undefined {
  return [400, 401, 403].includes(status) ? readRefusal(AWS_REASONS, status, body) : undefined;
}
