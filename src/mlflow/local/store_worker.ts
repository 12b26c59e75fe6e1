/**
 * The worker that reads a local store: SQLite blocks its thread, so it has one of its own. It may
 * read the store's files and nothing else.
 *
 * @module
 */
import { readStore, regexPatterns } from "./operations.ts";
import { type FromWorker, packError, type Part, type ToWorker } from "./protocol.ts";

/** Answers over a port: one request at a time, each part when it is asked for. */
function serve(port: MessagePort): void {
  let current: Generator<Part> | undefined;
  const say = (message: FromWorker) => port.postMessage(message);
  const next = () => {
    try {
      const step = current?.next();
      if (step === undefined || step.done === true) {
        current = undefined;
        say({ say: "done" });
      } else say({ say: "part", part: step.value });
    } catch (error) {
      current = undefined;
      say({ say: "failed", error: packError(error) });
    }
  };
  const answer = async (data: ToWorker) => {
    switch (data.say) {
      case "read": {
        const needsRegex = regexPatterns(data.request).length > 0;
        const compile = needsRegex ? (await import("./python_regex.ts")).compileSearch : undefined;
        current = readStore(data.files, data.request, data, compile);
        return next();
      }
      case "more":
        return next();
      case "stop":
        current?.return(undefined);
        current = undefined;
        return say({ say: "done" });
    }
  };
  let previous = Promise.resolve();
  port.onmessage = ({ data }: MessageEvent<ToWorker>) => {
    previous = previous.then(() => answer(data));
  };
}

self.onmessage = (event: MessageEvent<unknown>) => {
  const [port] = event.ports;
  if (port !== undefined) serve(port);
};
