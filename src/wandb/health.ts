import * as z from "zod";
import { defined } from "../core/values.ts";
import { Failure, isFailure } from "../core/failure.ts";
import { openSession } from "../http/client.ts";
import { watchClock } from "../http/transport.ts";
import { path } from "../http/request.ts";
import type { Health } from "../mcp/backend.ts";
import type { Account } from "./account.ts";
import { createWandb } from "./client.ts";
import { readFailure } from "./weave/client.ts";

/** Whose key it is, and the release of a server of one's own. */
export const WHO = `query Who {
  viewer { username entity }
  serverInfo { latestLocalVersionInfo { versionOnThisInstanceString } } # optional
}`;

const WHO_SHAPE = z.looseObject({
  viewer: z.looseObject({ username: z.string().nullish(), entity: z.string().nullish() }).nullish(),
  serverInfo: z.looseObject({
    latestLocalVersionInfo: z.looseObject({ versionOnThisInstanceString: z.string().nullish() })
      .nullish(),
  }).nullish(),
});

const INFO = z.looseObject({ trace_server_version: z.string().nullish() });

/** Looks whether W&B's API is there and whose key it is. */
export async function checkWandb(account: Account, signal: AbortSignal): Promise<Health> {
  const { watched, skew } = watchAccount(account);
  const { data: { viewer, serverInfo } } = await createWandb(watched).open(signal)
    .ask(WHO, {}, WHO_SHAPE);
  if (!viewer) {
    throw new Failure("unauthorized", "W&B does not know whose key this is.", {
      hint: `Make a new one at ${account.appUrl.origin}/authorize.`,
    });
  }
  return defined({
    user: viewer.username ?? viewer.entity ?? undefined,
    version: serverInfo?.latestLocalVersionInfo?.versionOnThisInstanceString ?? undefined,
    skew: skew(),
  });
}

/** Looks whether Weave's trace server is there; its key is W&B's. */
export async function checkWeave(
  account: Account,
  baseUrl: URL,
  signal: AbortSignal,
): Promise<Health> {
  const { watched, skew } = watchAccount(account);
  const upstream = watched.connect({
    service: "Weave",
    setting: "WF_TRACE_SERVER_URL",
    baseUrl,
    readError: (status, body, headers) => readFailure(status, body, headers, account.appUrl),
  });
  const http = openSession(upstream, signal);
  const info = await watched.authorized(
    http,
    (authorization) =>
      http.json({ method: "GET", path: path`/server_info`, headers: { authorization } }),
  ).catch((error) => {
    // A server that answers in its own way is there.
    if (isFailure(error, "not_found")) return {};
    throw error;
  });
  const version = INFO.safeParse(info).data?.trace_server_version ?? undefined;
  return defined({ version, skew: skew() });
}

function watchAccount(account: Account) {
  let clock: ReturnType<typeof watchClock> | undefined;
  const connect: Account["connect"] = (server) => {
    const options = account.connect(server);
    clock = watchClock(options.transport);
    return { ...options, transport: clock.transport };
  };
  return { watched: { ...account, connect }, skew: () => clock?.skew() };
}
