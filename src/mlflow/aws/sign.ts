/** Requests signed for AWS; loaded only where the configuration asks for it. */
import { AwsV4Signer } from "aws4fetch";
import { type AwsLogin, findAwsLogin } from "../../config/clouds.ts";
import type { Settings } from "../../config/settings.ts";
import { Failure } from "../../core/failure.ts";
import { type Log, readLifetime } from "../../core/log.ts";
import { openSession } from "../../http/client.ts";
import type { UpstreamOptions } from "../../http/request.ts";
import type { Transport } from "../../http/transport.ts";
import { readRefusal, type Reason } from "../objects.ts";
import { createTokenSource, type IssuedToken } from "../../http/token.ts";
import { readMlflowError } from "../errors.ts";

/** What a request is signed with. */
interface AwsKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string | undefined;
}

/** Marks a request to be signed when it is sent; requests without it are not signed. */
export const TO_BE_SIGNED = "AWS4-HMAC-SHA256";

/** How long a role is assumed for, in seconds. */
const SESSION = 3_600;
/** Longest wait for assuming a role, in milliseconds. */
const PATIENCE = 30_000;

/** A tracking server behind AWS's gateway: every request to its host is signed. */
export function signUpstream(
  settings: Settings,
  options: Omit<UpstreamOptions, "headers">,
  headers: Readonly<Record<string, string>>,
  log: Log,
): UpstreamOptions {
  const login = findAwsLogin(settings);
  if (typeof login === "string") throw new Failure("unauthorized", login);
  const { host } = options.baseUrl;
  const keys = prepareKeys(login, options, log);
  return {
    ...options,
    headers: () => ({ ...headers, authorization: TO_BE_SIGNED }),
    transport: signTransport(options.transport, host, { ...login, service: "execute-api" }, keys),
    readError: (status, body) => readAwsRefusal(status, body) ?? readMlflowError(status, body),
  };
}

/** Signs requests to one host; redirects elsewhere and callers' own credentials stay unchanged. */
export function signTransport(
  transport: Transport,
  host: string,
  { service, region }: { readonly service: string; readonly region: string },
  keys: () => Promise<AwsKeys>,
): Transport {
  return async (url, init) => {
    if (url.host !== host || init.headers.authorization !== TO_BE_SIGNED) {
      return await transport(url, init);
    }
    const { authorization: _, ...headers } = init.headers;
    const { accessKeyId, secretAccessKey, sessionToken = "" } = await keys();
    const { body } = init;
    const signed = await new AwsV4Signer({
      method: init.method,
      url: url.href,
      headers,
      ...(body === undefined ? {} : { body }),
      ...{ accessKeyId, secretAccessKey, service, region },
      ...(sessionToken === "" ? {} : { sessionToken }),
    }).sign();
    return await transport(signed.url, { ...init, headers: Object.fromEntries(signed.headers) });
  };
}

/** Supplies the keys of a login: fixed ones, or those of a role, renewed before they expire. */
export function prepareKeys(
  login: AwsLogin,
  options: Pick<UpstreamOptions, "transport">,
  log: Log,
): () => Promise<AwsKeys> {
  if (login.kind === "keys") return () => Promise.resolve(login);
  const roles = createTokenSource(() => assumeRole(login, options, log));
  return () => roles.get();
}

async function assumeRole(
  { roleArn, tokenFile, sessionName, sts }: AwsLogin & { kind: "web identity" },
  { transport }: Pick<UpstreamOptions, "transport">,
  log: Log,
): Promise<IssuedToken<AwsKeys>> {
  let identity: string;
  try {
    identity = (await Deno.readTextFile(tokenFile)).trim();
  } catch (cause) {
    throw new Failure("unauthorized", `The token file ${tokenFile} cannot be read.`, {
      hint: "Check AWS_WEB_IDENTITY_TOKEN_FILE.",
      cause,
    });
  }
  log.hide([identity], readLifetime(identity));
  const session = openSession({
    service: "AWS's token service",
    setting: "AWS_REGION",
    baseUrl: sts,
    headers: () => ({}),
    transport,
    timeoutMs: PATIENCE,
    retry: { maxRetries: 2, backoffMs: 200, jitterMs: 100, respectRetryAfter: true },
    readError: readAwsRefusal,
    onAttempt: (attempt) => log.debug("AWS token request", { ...attempt }),
  }, new AbortController().signal);
  const reply = await session.text({
    method: "POST",
    address: sts,
    body: String(
      new URLSearchParams({
        Action: "AssumeRoleWithWebIdentity",
        Version: "2011-06-15",
        RoleArn: roleArn,
        RoleSessionName: sessionName,
        WebIdentityToken: identity,
        DurationSeconds: String(SESSION),
      }),
    ),
    headers: { accept: "application/xml", "content-type": "application/x-www-form-urlencoded" },
    repeatable: true,
  });
  const read = (name: string) => new RegExp(`<${name}>([^<]+)</${name}>`).exec(reply)?.[1];
  const accessKeyId = read("AccessKeyId");
  const secretAccessKey = read("SecretAccessKey");
  const sessionToken = read("SessionToken");
  if (accessKeyId === undefined || secretAccessKey === undefined || sessionToken === undefined) {
    throw new Failure("upstream_error", "AWS's token service returned no keys.", {
      hint: "Check AWS_ROLE_ARN and AWS_ENDPOINT_URL_STS.",
    });
  }
  log.hide([secretAccessKey, sessionToken], SESSION);
  return { token: { accessKeyId, secretAccessKey, sessionToken }, expiresInSeconds: SESSION };
}

/** Why AWS refuses a signed request, by the words of its services; the first match is reported. */
export const AWS_REASONS: readonly Reason[] = [
  {
    says: /RequestTimeTooSkewed|Signature (expired|not yet current)|not yet current/i,
    code: "unauthorized",
    message: "AWS says that the time of the signature is wrong",
    hint: "Set this machine's clock: a signature is valid for a few minutes.",
  },
  {
    says: /ExpiredToken|token .{0,40}\bexpired/i,
    code: "unauthorized",
    message: "AWS says that the keys have expired",
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
    message: "AWS says that the signature is wrong",
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
