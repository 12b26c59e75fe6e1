import { fileURLToPath } from "node:url";
import { cleanEnv } from "../python/command.ts";
import { ensureVenv } from "../python/venv.ts";

const SCRIPT = fileURLToPath(new URL("./sign.py", import.meta.url));

/** A request as a server received it. */
export interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly body: string;
}

/** The keys that a request should be signed with. */
export interface Keys {
  readonly access: string;
  readonly secret: string;
  readonly token?: string;
  readonly region: string;
  readonly service: string;
}

/** What a received request says of its signature. */
export function readSignature({ headers }: Received) {
  const [, scope = "", names = "", signature = ""] =
    /^AWS4-HMAC-SHA256 Credential=(\S+), ?SignedHeaders=(\S+), ?Signature=([0-9a-f]{64})$/
      .exec(headers.get("authorization") ?? "") ?? [];
  return { scope, signed: names.split(";"), signature };
}

/** The signature that AWS's own library gives a received request. */
export async function signByBotocore(request: Received, keys: Keys): Promise<string> {
  const { signed } = readSignature(request);
  const headers = Object.fromEntries(
    signed.filter((name) => name !== "host")
      .map((name) => [name, request.headers.get(name) ?? ""]),
  );
  const venv = await ensureVenv("cloud-newest");
  const child = new Deno.Command(venv.python, {
    args: ["-W", "ignore", SCRIPT],
    clearEnv: true,
    env: cleanEnv({}),
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  const { method, url, body } = request;
  await writer.write(
    new TextEncoder().encode(JSON.stringify({ ...keys, method, url, body, headers })),
  );
  await writer.close();
  return new TextDecoder().decode((await child.output()).stdout).trim();
}
