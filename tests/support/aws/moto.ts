import { fileURLToPath } from "node:url";
import { cleanEnv } from "../python/command.ts";
import { ensureVenv } from "../python/venv.ts";

const SCRIPT = fileURLToPath(new URL("./write_traces.py", import.meta.url));

/** AWS's services as `moto` has them, on a free port. */
export interface Moto extends AsyncDisposable {
  readonly url: string;
}

export async function startMoto(): Promise<Moto> {
  const venv = await ensureVenv("cloud-newest");
  const child = new Deno.Command(venv.bin("moto_server"), {
    args: ["-H", "127.0.0.1", "-p", "0"],
    clearEnv: true,
    env: cleanEnv({}),
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const started = Promise.withResolvers<string>();
  const reading = (async () => {
    let text = "";
    for await (const chunk of child.stderr.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      const url = /Running on (http:\/\/127\.0\.0\.1:\d+)/.exec(text)?.[1];
      if (url !== undefined) started.resolve(url);
    }
    started.reject(new Error(`moto did not start:\n${text}`));
  })();
  return {
    url: await started.promise,
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGTERM");
      await Promise.all([child.status, reading]);
    },
  };
}

/** Lets the oldest supported MLflow write a trace into a bucket of these services. */
export async function writeTrace(
  moto: Moto,
  bucket: string,
  trackingUri: string,
): Promise<string> {
  const venv = await ensureVenv("cloud-3.4");
  const { code, stdout, stderr } = await new Deno.Command(venv.python, {
    args: ["-W", "ignore", SCRIPT, moto.url, bucket, trackingUri],
    clearEnv: true,
    env: cleanEnv({
      AWS_ACCESS_KEY_ID: "AKIAWRITER",
      AWS_SECRET_ACCESS_KEY: "writer",
      AWS_DEFAULT_REGION: "us-east-1",
      MLFLOW_S3_ENDPOINT_URL: moto.url,
    }),
  }).output();
  const text = new TextDecoder().decode(code === 0 ? stdout : stderr);
  if (code !== 0) throw new Error(`MLflow could not write to S3:\n${text}`);
  return text.trim().split("\n").at(-1) ?? "";
}
