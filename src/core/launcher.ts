/**
 * The server's side of the launcher: helpers are workers that only the launcher can start, since
 * loading a module takes permission to read it.
 *
 * @module
 */

/** A worker that helps the server. */
export interface Helper {
  /** Where it is asked and answers. */
  readonly port: MessagePort;
  /** Resolves with the reason when it ended by itself. */
  readonly ended: Promise<string>;
  /** Ends it, whatever it is doing. */
  end(): void;
}

/** The helpers that there are: one reads a local store, one draws. */
export type HelperName = "store" | "painter";

/** All permissions but reading, refused: a worker inherits what is not named. */
export const NO_PERMISSIONS = {
  net: false,
  env: false,
  write: false,
  run: false,
  ffi: false,
  sys: false,
  import: false,
} as const;

/** Whether this program was started by the launcher; tests run parts of it without one. */
export function isLaunched(): boolean {
  return typeof DedicatedWorkerGlobalScope !== "undefined" &&
    self instanceof DedicatedWorkerGlobalScope;
}

/** Lets the launcher start a helper, with the permissions that it has for it. */
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
