import type { Settings } from "../../config/settings.ts";
import { Failure } from "../../core/failure.ts";
import { createTransport, type Transport } from "../../http/transport.ts";

/** How bytes reach the tracking server: whom to trust, and who we are. */
export async function configureTransport(settings: Settings, { host }: URL): Promise<Transport> {
  const { insecureTls: insecure, serverCertPath, clientCertPath } = settings;
  if (insecure && serverCertPath !== undefined) {
    throw new Failure(
      "invalid_arguments",
      "MLFLOW_TRACKING_INSECURE_TLS and MLFLOW_TRACKING_SERVER_CERT_PATH exclude each other.",
      { hint: "Keep the certificate path and drop the other." },
    );
  }
  const caCerts = serverCertPath === undefined
    ? []
    : [await readPem(serverCertPath, "MLFLOW_TRACKING_SERVER_CERT_PATH", "CERTIFICATE")];
  const trust = () => createTransport({ caCerts, insecure });
  if (clientCertPath === undefined) {
    return usePem(trust, serverCertPath, "MLFLOW_TRACKING_SERVER_CERT_PATH");
  }
  usePem(trust, serverCertPath, "MLFLOW_TRACKING_SERVER_CERT_PATH");
  const name = "MLFLOW_TRACKING_CLIENT_CERT_PATH";
  const [cert, key] = await Promise.all(
    ["CERTIFICATE", "(?:RSA |EC )?PRIVATE KEY"].map((kind) => readPem(clientCertPath, name, kind)),
  );
  const identity = { host, cert: cert ?? "", key: key ?? "" };
  return usePem(() => createTransport({ caCerts, insecure, identity }), clientCertPath, name);
}

/** The parts of a kind in a PEM file. */
async function readPem(path: string, setting: string, kind: string): Promise<string> {
  try {
    const text = await Deno.readTextFile(path);
    const parts = text.match(
      new RegExp(`-----BEGIN ${kind}-----[\\s\\S]+?-----END ${kind}-----`, "g"),
    );
    if (parts === null) throw new TypeError(`No ${kind} in it.`);
    return `${parts.join("\n")}\n`;
  } catch (error) {
    throw refusePem(path, setting, error);
  }
}

function usePem(make: () => Transport, path: string | undefined, setting: string): Transport {
  try {
    return make();
  } catch (error) {
    throw path === undefined ? error : refusePem(path, setting, error);
  }
}

function refusePem(path: string, setting: string, cause: unknown): Failure {
  return new Failure("unreachable", `The certificate file ${path} (${setting}) cannot be used.`, {
    hint: setting === "MLFLOW_TRACKING_CLIENT_CERT_PATH"
      ? "It must be a readable PEM file with a certificate and its key, not encrypted."
      : "It must be a readable PEM file.",
    cause,
  });
}
