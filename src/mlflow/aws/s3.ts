/** Files in S3; loaded only when one of a configured bucket is asked for. */
import { findAwsLogin, findS3 } from "../../config/clouds.ts";
import type { Settings } from "../../config/settings.ts";
import { Failure } from "../../core/failure.ts";
import type { Log } from "../../core/log.ts";
import { openSession } from "../../http/client.ts";
import { joinPath, path, type UpstreamOptions } from "../../http/request.ts";
import type { Transport } from "../../http/transport.ts";
import {
  type OpenObject,
  readStoreRefusal,
  type StoreLimits,
  type StoreWords,
} from "../objects.ts";
import { AWS_REASONS, prepareKeys, signTransport, TO_BE_SIGNED } from "./sign.ts";

export function reachS3(settings: Settings, limits: StoreLimits, log: Log): OpenObject {
  const login = findAwsLogin(settings);
  const baseUrl = findS3(settings);
  if (typeof login === "string") throw new Failure("unauthorized", login);
  if (baseUrl === undefined) {
    throw new Failure(
      "invalid_arguments",
      "MLFLOW_S3_ENDPOINT_URL is not an http or https address.",
    );
  }
  const signed = signTransport(
    limits.transport,
    baseUrl.host,
    { service: "s3", region: login.region },
    prepareKeys(login, limits, log),
  );
  const words: StoreWords = {
    service: "S3",
    credentials: login.kind === "keys" ? "AWS_ACCESS_KEY_ID" : "AWS_ROLE_ARN",
    setting: settings.s3Endpoint === undefined ? "AWS_REGION" : "MLFLOW_S3_ENDPOINT_URL",
    reasons: AWS_REASONS,
    noFile: /NoSuchKey/,
    noPlace: { name: "bucket", says: /NoSuchBucket/ },
  };
  const options: UpstreamOptions = {
    ...limits,
    service: words.service,
    setting: words.setting,
    baseUrl,
    headers: () => ({ authorization: TO_BE_SIGNED }),
    transport: noticeRegion(signed),
    readError: (status, body) => readStoreRefusal(words, status, body),
  };
  return (location, signal) => {
    const file = joinPath(path``, location.slice("s3://".length).split("/"));
    return { session: openSession(options, signal), request: { method: "GET", path: file } };
  };
}

/** Explains a bucket in another region, which answers with a redirect that leads nowhere. */
function noticeRegion(transport: Transport): Transport {
  return async (url, init) => {
    const response = await transport(url, init);
    const region = response.headers.get("x-amz-bucket-region");
    if (![301, 307, 400].includes(response.status) || region === null) return response;
    await response.body?.cancel();
    throw new Failure("unauthorized", "The bucket is in another region.", {
      status: response.status,
      hint: `Set AWS_REGION=${region.replace(/[^a-z0-9-]/g, "")}.`,
    });
  };
}
