/** Checks on the settings of a server for many callers, made before it starts. */
import { isLoopback } from "./access.ts";
import { isDatabricks } from "./databricks.ts";
import { readLocalStore } from "./local_store.ts";
import { settingKeys } from "./resolve.ts";
import type { Setting } from "./setting.ts";
import { type SettingKey, SETTINGS, type Settings } from "./settings.ts";

/** Minimum length, in bytes, of the key that signs state passed through clients. */
const SHORTEST_KEY = 32;

/** The settings; authentication of callers matters only if the server listens. */
export function withAuth(settings: Settings, listening: boolean): Settings {
  return listening ? settings : { ...settings, auth: "none" };
}

/** Why a server with these settings must not listen; empty if it may. */
export function findServiceProblems(settings: Settings): string[] {
  const { auth, host, allowedHosts, tokensFile, stateKey } = settings;
  const beyond = !isLoopback(host);
  return [
    ...(beyond && auth === "none"
      ? [
        `--host ${host} is refused: anyone who can reach it could call. Give --auth token or ` +
        "--auth passthrough, or listen on 127.0.0.1, ::1 or localhost.",
      ]
      : []),
    ...(beyond && allowedHosts.length === 0
      ? [
        `--host ${host} is refused without --allowed-hosts: list the host names that clients use ` +
        "for this server, so that no page in a browser can reach it by another name.",
      ]
      : []),
    ...(auth === "token" && tokensFile === undefined
      ? ["--auth token needs --tokens-file: a name and the SHA-256 of a token on each line."]
      : []),
    ...(auth === "passthrough" ? findOwnCredentials(settings) : []),
    ...(stateKey !== undefined && new TextEncoder().encode(stateKey).length < SHORTEST_KEY
      ? [`WANDFLOW_STATE_KEY is too short: give at least ${SHORTEST_KEY} random bytes.`]
      : []),
  ];
}

/** Callers without credentials must not be able to use the server's. */
function findOwnCredentials(settings: Settings): string[] {
  const set: string[] = settingKeys().flatMap((key) => {
    const { secret, env }: Setting = SETTINGS[key];
    const logsIn = secret === true && key !== "stateKey" || BESIDE_SECRETS.includes(key);
    return logsIn && settings[key] !== undefined ? [env[0] ?? key] : [];
  });
  const uri = settings.trackingUri;
  if ((URL.parse(uri ?? "")?.username ?? "") !== "") set.push("the user in MLFLOW_TRACKING_URI");
  const isLocal = readLocalStore(settings) !== undefined;
  return [
    ...(set.length === 0
      ? []
      : [`With --auth passthrough callers bring their own credentials; unset ${set.join(", ")}.`]),
    ...(isLocal || isDatabricks(uri)
      ? [
        "With --auth passthrough MLFLOW_TRACKING_URI must be a tracking server's address: " +
        (isLocal
          ? "a local store checks no credentials."
          : "a login to Databricks is the server's own."),
      ]
      : []),
  ];
}

/** Settings that are part of a login but are not secret themselves. */
const BESIDE_SECRETS: readonly SettingKey[] = [
  "wandbIdentityTokenFile",
  "trackingUsername",
  "clientCertPath",
];
