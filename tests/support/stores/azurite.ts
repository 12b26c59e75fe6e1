/** Azure's storage as `azurite` has it, which is Microsoft's own emulator. */
import { npmCommand } from "../npm_program.ts";
import { runWithClouds } from "./write.ts";

const ACCOUNT = "traces";

export interface Azurite extends AsyncDisposable {
  readonly account: string;
  readonly key: string;
  readonly connectionString: string;
  /** Where the account's containers are. */
  readonly endpoint: string;
  /** Puts a file into a new container, by Azure's own client. */
  put(container: string, name: string, content: Uint8Array): Promise<void>;
  /** A signature for reading a container, by Azure's own client; it ends after so many minutes. */
  sign(container: string, minutes: number): Promise<string>;
}

/** @param tls Files of a certificate and its key: tokens of Entra are then taken, too. */
export async function startAzurite(
  tls?: { readonly cert: string; readonly key: string },
): Promise<Azurite> {
  const key = new TextEncoder().encode("canary account key ++ // 0123456789").toBase64();
  const { program, args } = await npmCommand("azurite");
  const child = new Deno.Command(program, {
    args: [
      ...args,
      ...["--inMemoryPersistence", "--disableTelemetry", "--skipApiVersionCheck"],
      ...["--blobHost", "127.0.0.1", "--blobPort", "0"],
      ...(tls === undefined ? [] : ["--oauth", "basic", "--cert", tls.cert, "--key", tls.key]),
    ],
    env: { AZURITE_ACCOUNTS: `${ACCOUNT}:${key}` },
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const started = Promise.withResolvers<string>();
  const reading = (async () => {
    let text = "";
    for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      const url = /successfully listens on (https?:\/\/127\.0\.0\.1:\d+)/.exec(text)?.[1];
      if (url !== undefined) started.resolve(url);
    }
    started.reject(new Error(`Azurite did not start:\n${text}`));
  })();
  const endpoint = `${await started.promise}/${ACCOUNT}`;
  const connectionString = `DefaultEndpointsProtocol=${new URL(endpoint).protocol.slice(0, -1)};` +
    `AccountName=${ACCOUNT};AccountKey=${key};BlobEndpoint=${endpoint};`;
  return {
    ...{ account: ACCOUNT, key, endpoint, connectionString },
    put: async (container, name, content) => {
      await runWithClouds("./put_azure.py", [container, name, content.toBase64()], {
        AZURE_STORAGE_CONNECTION_STRING: connectionString,
        ...(tls === undefined ? {} : { REQUESTS_CA_BUNDLE: tls.cert }),
      });
    },
    sign: (container, minutes) =>
      runWithClouds("./sign_azure.py", [ACCOUNT, container, String(minutes)], { KEY: key }),
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGTERM");
      await Promise.all([child.status, reading]);
    },
  };
}
