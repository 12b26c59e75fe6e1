/** A worker that may reach only some hosts, and asks them as a session would. */
import { Failure } from "../../src/core/failure.ts";
import { openSession } from "../../src/http/client.ts";
import { SafePath } from "../../src/http/request.ts";
import { optionsFor } from "./support.ts";

self.onmessage = async ({ data }: MessageEvent<{ url: string; method: "GET" | "POST" }>) => {
  const request = data.method === "POST"
    ? { method: data.method, path: new SafePath("/start"), json: { secret: "canary-body" } }
    : { method: data.method, path: new SafePath("/start") };
  try {
    const session = openSession(optionsFor(data.url), new AbortController().signal);
    self.postMessage({ value: await session.json(request) });
  } catch (error) {
    self.postMessage(error instanceof Failure ? { report: error.report } : String(error));
  }
};
