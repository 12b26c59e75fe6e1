/**
 * The server's side of the launcher: helpers are workers that only the launcher can start, since
 * loading a module needs permission to read it.
 *
 * @module
 */

/** A worker that helps the server. */
export interface Helper {
  /** Carries requests and answers. */
  readonly port: MessagePort;
  /** Resolves with the reason if it ends by itself. */
  readonly ended: Promise<string>;
  /** Ends it, whatever it is doing. */
  end(): void;
}

/** The helpers: one reads a local store, one draws. */
export type HelperName = "store" | "painter";

/** Denies all permissions but reading: a worker inherits those that are not named. */
export const NO_PERMISSIONS = {
  net: false,
  env: false,
  write: false,
  run: false,
  ffi: false,
  sys: false,
  import: false,
} as const;

/** Whether the launcher started this program; tests run parts of it without one. */
export function isLaunched(): boolean {
  return typeof DedicatedWorkerGlobalScope !== "undefined" &&
    self instanceof DedicatedWorkerGlobalScope;
}

/** Asks the launcher to start a helper with the permissions meant for it. */
export function startHelper(helper: HelperName): Helper {
  const { port1: port, port2: theirs } = new MessageChannel();
  const { port1: life, port2: theirLife } = new MessageChannel();
  const { promise: ended, resolve } = Promise.withResolvers<string>();
  life.onmessage = ({ data }: MessageEvent<unknown>) => {
    life.close();
    resolve(String(data));
  };
  self.postMessage({ start: helper }, [theirs, theirLife]);
  return {
    port,
    ended,
    end: () => {
      life.postMessage("end");
      life.close();
      port.close();
    },
  };
}
