import { defined } from "../core/values.ts";
import { watchClock } from "../http/transport.ts";
import type { UpstreamOptions } from "../http/request.ts";
import type { HealthCheck } from "../mcp/backend.ts";
import type { Caller } from "../mcp/tool.ts";
import { type HttpTraceStore, showUri } from "./http/store.ts";
import type { TraceReader } from "./store.ts";

/** A way to a tracking server, or to what answers like one. */
export interface Connection {
  readonly options: UpstreamOptions;
  /** The store for one call. */
  open(options: UpstreamOptions, signal: AbortSignal, caller?: Caller): HttpTraceStore;
}

/** Checks that a tracking server is there and accepts the credentials. */
export function serverCheck(
  baseUrl: URL,
  connect: () => Promise<Connection>,
): HealthCheck {
  return {
    name: "MLflow",
    address: showUri(baseUrl),
    run: async (signal) => {
      const { options, open } = await connect();
      const clock = watchClock(options.transport);
      const { transport } = clock;
      const store = open({ ...options, transport }, signal);
      const version = await store.version();
      await store.experiments(1);
      const { authorization } = await options.headers();
      return defined({ version, user: userIn(authorization), skew: clock.skew() });
    },
  };
}

export function storeCheck(
  path: string,
  open: (signal: AbortSignal) => TraceReader,
): HealthCheck {
  return {
    name: "MLflow",
    address: path,
    run: async (signal) => {
      const store = open(signal);
      await store.experiments(1);
      return defined({ version: await store.version() });
    },
  };
}

/** The user name in HTTP Basic; a token does not say whose it is. */
function userIn(authorization: string | undefined): string | undefined {
  const encoded = /^Basic (.+)$/.exec(authorization ?? "")?.[1];
  if (encoded === undefined) return undefined;
  return new TextDecoder().decode(Uint8Array.fromBase64(encoded)).split(":")[0];
}
