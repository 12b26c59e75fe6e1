import { type Finding, type Write, writeOnce as send } from "../http/write.ts";
import type { CallContext } from "../mcp/tool.ts";
import type { TraceReader, TraceWriter } from "./store.ts";

export type { Finding };

/** A write to a store, and how to see there afterwards whether it took effect. */
interface StoreWrite<T> extends Omit<Write<T>, "look"> {
  readonly look: (mlflow: TraceReader) => Promise<Finding<T>>;
}

/** Carries out a write to a store, once. */
export function writeOnce<T>(
  { look, ...write }: StoreWrite<T>,
  { mlflow, signal }: { readonly mlflow: TraceWriter } & Pick<CallContext, "signal">,
): Promise<{ result: T; notes?: string[] }> {
  return send({ ...write, look: () => look(mlflow.afresh()) }, signal);
}
