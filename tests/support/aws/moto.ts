import { cleanEnv } from "../python/command.ts";
import { ensureVenv } from "../python/venv.ts";

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
