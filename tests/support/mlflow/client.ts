import { fileURLToPath } from "node:url";
import { z } from "zod";
import { cleanEnv } from "../python/command.ts";
import { ensureVenv } from "../python/venv.ts";
import type { MlflowState } from "./backends.ts";

const SCRIPT = fileURLToPath(new URL("./client.py", import.meta.url));

const Answer = z.looseObject({
  id: z.int(),
  result: z.unknown().optional(),
  error: z.looseObject({ type: z.string(), message: z.string() }).optional(),
});

/** MLflow's own Python client in a process of its own; see client.py for its methods. */
export interface PythonClient extends AsyncDisposable {
  /**
   * Calls a method of client.py with keyword arguments. Integers beyond 2^53 come back as text.
   *
   * @throws Error with the Python exception's type and message.
   */
  call(method: string, params?: Record<string, unknown>): Promise<unknown>;
}

/**
 * Starts the Python client that belongs to the server's version and talks to that server. Takes a
 * few seconds; end it with `await using`.
 */
export async function pythonClient(
  server: Pick<MlflowState, "uri" | "version" | "admin">,
): Promise<PythonClient> {
  const venv = await ensureVenv(`mlflow-${server.version}`);
  const child = new Deno.Command(venv.python, {
    args: ["-W", "ignore", SCRIPT],
    clearEnv: true,
    env: cleanEnv(clientEnv(server)),
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const writer = child.stdin.getWriter();
  const lines = readLines(child.stdout);
  let last: Promise<unknown> = Promise.resolve();
  let id = 0;
  const ask = async (method: string, params: Record<string, unknown>) => {
    const request = `${JSON.stringify({ id: ++id, method, params })}\n`;
    await writer.write(new TextEncoder().encode(request));
    const { value, done } = await lines.next();
    if (done) throw new Error(`MLflow's Python client ended during ${method}.`);
    const { result, error } = Answer.parse(JSON.parse(value));
    if (error) throw new Error(`${error.type}: ${error.message}`);
    return result;
  };
  return {
    call: (method, params = {}) => {
      // One at a time: an answer belongs to the request before it.
      const answer = last.then(() => ask(method, params));
      last = answer.catch(() => {});
      return answer;
    },
    [Symbol.asyncDispose]: async () => {
      await writer.close().catch(() => {});
      await lines.return(undefined);
      await child.status;
    },
  };
}

/** Variables that point MLflow's own programs at a server. */
export function clientEnv(server: Pick<MlflowState, "uri" | "admin">): Record<string, string> {
  return {
    MLFLOW_TRACKING_URI: server.uri,
    MLFLOW_TRACKING_USERNAME: server.admin?.username ?? "",
    MLFLOW_TRACKING_PASSWORD: server.admin?.password ?? "",
    // Fail at once where the default is to try for minutes.
    MLFLOW_HTTP_REQUEST_MAX_RETRIES: "1",
    MLFLOW_DISABLE_TELEMETRY: "true",
  };
}

async function* readLines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, undefined> {
  let rest = "";
  for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  return undefined;
}
