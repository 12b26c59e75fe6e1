import type { Settings } from "../config/settings.ts";
import type { Log } from "../core/log.ts";
import { perCaller } from "../mcp/define.ts";
import type { UpstreamCall } from "../mcp/tool.ts";
import { accountsFor } from "./account.ts";
import { createWandb, type UnknownField, type Wandb } from "./client.ts";
import { checkWandb, checkWeave } from "./health.ts";
import { wandbLookUps } from "./look_ups.ts";
import { createWeave, type Weave } from "./weave/client.ts";
import { weaveLookUps } from "./weave/look_ups.ts";

type Call = Omit<UpstreamCall, "signal">;

/** W&B's API and Weave's trace server, for whoever calls; loaded with the first call. */
export function connectWandb(settings: Settings, baseUrl: URL, log: Log) {
  const accounts = accountsFor(settings, baseUrl, log);
  const account = accounts.own;
  const lacking = perCaller((): UnknownField[] => []);
  const open = (call: Call): Wandb => createWandb(accounts.forCall(call), lacking(call.caller));
  return {
    open,
    lookUps: wandbLookUps(account, (call) => open(call).open(call.signal)),
    check: (signal: AbortSignal) => checkWandb(account, signal),
    connectWeave: (traceUrl: URL) => {
      const lacks = perCaller(() => new Set<string>());
      const open = (call: Call): Weave =>
        createWeave(accounts.forCall(call), traceUrl, lacks(call.caller));
      return {
        open,
        lookUps: weaveLookUps(account, (call) => open(call).open(call.signal)),
        check: (signal: AbortSignal) => checkWeave(account, traceUrl, signal),
      };
    },
  };
}
