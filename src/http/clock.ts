import type { Transport } from "./transport.ts";

/** A transport that notes how far the server's clock is from this machine's. */
interface ClockWatch {
  readonly transport: Transport;
  /** Milliseconds that the server is ahead, by its last reply; undefined if it told no time. */
  readonly skew: () => number | undefined;
}

/** Watches the `Date` header of what a transport brings. */
export function watchClock(transport: Transport): ClockWatch {
  let skew: number | undefined;
  return {
    skew: () => skew,
    transport: async (url, init) => {
      const sent = Date.now();
      const response = await transport(url, init);
      const told = Date.parse(response.headers.get("date") ?? "");
      // The header counts whole seconds.
      if (!Number.isNaN(told)) skew = told + 500 - (sent + Date.now()) / 2;
      return response;
    },
  };
}
