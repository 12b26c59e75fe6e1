/** A problem as users see it, and its fix: for the README's table and `wandflow doctor`. */
interface Trouble {
  /** In Markdown. */
  readonly symptom: string;
  /** In Markdown. */
  readonly remedy: string;
  /** Matches the messages of this problem. */
  readonly says?: RegExp;
}

/** The problems in the table's order; the first that matches a message gives its fix. */
export const TROUBLES: readonly Trouble[] = [
  {
    symptom: "`No tools are listed`",
    remedy: "Neither `MLFLOW_TRACKING_URI` nor a W&B key is set where the client starts the " +
      "server; `wandflow tools` says what is missing",
    says: /^No tools are listed/,
  },
  {
    symptom: "`Nothing answers at …`",
    remedy: "The server is not running there, or uses another port",
    says: /^Nothing answers at|connection (was )?refused/i,
  },
  {
    symptom: "`401` from W&B, or the key is refused",
    remedy: "The W&B key is missing, malformed or not authorized for the team; make a new one at " +
      "`<your instance>/authorize`",
    says: /(W&B|Weave).*(401|refused the (API key|credentials))|W&B does not know whose|API key/,
  },
  {
    symptom: "`MLflow refused the credentials (HTTP 401)`",
    remedy: "Check `MLFLOW_TRACKING_USERNAME` and `MLFLOW_TRACKING_PASSWORD`, which win, or " +
      "`MLFLOW_TRACKING_TOKEN`",
    says: /^MLflow refused the credentials/,
  },
  {
    symptom: "Empty results from W&B",
    remedy: "The entity or project name is wrong, or the key has no access to it",
  },
  {
    symptom: "`429`",
    remedy: "The instance's rate limit was reached; wait, or ask for less at a time",
    says: /\b429\b|rate limit/,
  },
  {
    symptom: "`does not accept this host name`",
    remedy: "Start MLflow with `--allowed-hosts`, or address it by IP",
    says: /does not accept this host name/,
  },
  {
    symptom: "`MLFLOW_TRACKING_INSECURE_TLS` is set",
    remedy: "Unset it, and set `MLFLOW_TRACKING_SERVER_CERT_PATH` to the authority's PEM file: " +
      "anyone in between can read and change what is sent",
    says: /^MLFLOW_TRACKING_INSECURE_TLS is set/,
  },
  {
    symptom: "`… is not honoured`",
    remedy:
      "The variable belongs to another client; the message says what wandflow does or reads " +
      "instead. Unset the variable if that is enough",
    says: / is not honoured: /,
  },
  {
    symptom: "`… is treated as not set`",
    remedy: "Set the variable where the client starts the server, or remove its line from the " +
      "client's settings",
    says: / is treated as not set: /,
  },
  {
    symptom: "`MLFLOW_TRACKING_URI is not set: …`",
    remedy: "Set it to that store, or to the one that you mean: started in another folder, the " +
      "server finds another store or none",
    says: /^MLFLOW_TRACKING_URI is not set: /,
  },
  {
    symptom: "`its certificate is signed by an authority that is not trusted here`",
    remedy: "Set `DENO_CERT`, or for MLflow `MLFLOW_TRACKING_SERVER_CERT_PATH`, to the " +
      "authority's PEM file",
    says: /authority that is not trusted/,
  },
  {
    symptom: "`The certificate file … cannot be used`, `… is not a readable PEM file`",
    remedy:
      "Name a PEM file that can be read where the server starts: an authority's certificate, " +
      "or in `MLFLOW_TRACKING_CLIENT_CERT_PATH` your own and its key, not encrypted",
    says: /^The certificate file .* cannot be used|is not a readable PEM file/,
  },
  {
    symptom: "`redirects to another host`",
    remedy: "Set `MLFLOW_TRACKING_URI` to the final address",
    says: /redirects to another host/,
  },
  {
    symptom: "`where JSON was expected`, `a web page`",
    remedy:
      "The address is that of another service, or a login page or proxy is in between: check " +
      "`MLFLOW_TRACKING_URI` or `WANDB_BASE_URL`",
    says: /where JSON was expected|a web page/,
  },
  {
    symptom: "The documentation search cannot be reached",
    remedy: "Without access to it, set `WANDB_MCP_PROXY_DOCS=false`, or `WANDBOT_BASE_URL` to an " +
      "endpoint that can be reached",
    says: /documentation search/i,
  },
  {
    symptom: "`clock`",
    remedy: "Correct the clock that is wrong: filters such as the last hour, and tokens that " +
      "expire, depend on it",
    says: /\bclock\b/,
  },
  {
    symptom: "`OTEL_DENO` is set",
    remedy: "Unset `OTEL_DENO`, unless you want the runtime to report every requested address to " +
      "a collector",
    says: /OTEL_DENO/,
  },
  {
    symptom: "`SSLKEYLOGFILE` is set",
    remedy: "Unset `SSLKEYLOGFILE`: whoever can read that file can read all traffic",
    says: /SSLKEYLOGFILE/,
  },
  {
    symptom: "`Invalid Host`, `Invalid Origin`",
    remedy: "Over HTTP, callers must use the address that the server printed, or a name from " +
      "`WANDFLOW_ALLOWED_HOSTS`",
  },
  {
    symptom: "`MLflow … needs … or newer`",
    remedy: "That comparison needs a newer MLflow; look at the returned traces instead",
  },
  {
    symptom:
      "`UnknownIssuer` from the first command (`npx`, `deno`), behind a proxy that inspects TLS",
    remedy: "Point to the proxy's certificate: `NODE_EXTRA_CA_CERTS` for npx, `DENO_CERT` (or " +
      "`DENO_TLS_CA_STORE=system`) for the rest",
  },
  {
    symptom: "The tools are sometimes missing in Codex",
    remedy: "Codex asked before the server was up: put `required = true` in its settings, as " +
      "`wandflow setup codex` does",
  },
  {
    symptom: "Answers are cut in your client",
    remedy:
      "wandflow fits them to the client's limit; `MAX_RESPONSE_TOKENS` sets another one, and " +
      "the note in the answer says how to continue",
  },
  {
    symptom: "A deletion with nobody to ask (`claude -p`, `codex exec`, `copilot -p`) is refused",
    remedy: "`--trust-confirm` accepts `confirm: true` as consent; Codex also needs " +
      '`approval_mode = "approve"` under `[mcp_servers.wandflow.tools.delete_traces]`',
  },
  {
    symptom: "Anything else",
    remedy:
      "Run `wandflow doctor`; set `MCP_SERVER_LOG_LEVEL=DEBUG` and look at the client's MCP " +
      "log",
  },
];

/** The table's remedy for a message, without Markdown; undefined if no row matches. */
export function findRemedy(message: string): string | undefined {
  const found = TROUBLES.find(({ says }) => says?.test(message));
  return found === undefined ? undefined : `${found.remedy.replaceAll("`", "")}.`;
}
