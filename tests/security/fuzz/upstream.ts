/** What stands behind a product under test: a tracking server, secrets, and what both must not show. */
import assert from "node:assert/strict";
import { type FakeMlflow, startFakeMlflow, TRACE } from "../../e2e/fake_mlflow.ts";
import { ROOT } from "../../support/python/layout.ts";
import { MARK } from "./messages.ts";

/** Secrets of the product's own. */
export const SECRETS = {
  MLFLOW_TRACKING_USERNAME: "canary-user-5521",
  MLFLOW_TRACKING_PASSWORD: "canary-password-9017",
  WANDB_API_KEY: "canary0key0".repeat(4).slice(0, 40),
} as const;
/** What callers over HTTP send as theirs. */
export const CALLER = "canary-caller-token-7714";

const FORBIDDEN: readonly (readonly [string, RegExp])[] = [
  ["a secret", /canary[-0]/],
  [
    "a secret in Base64",
    new RegExp(btoa("xxxcanary").slice(4, 12) + "|" + btoa("canary-").slice(0, 9)),
  ],
  [
    "a line of a stack",
    /\n?\s+at \S+ ?\(?(?:file|npm|ext|node|data):|\bat (?:async )?[\w.<>]+ \([^)]*:\d+:\d+\)/,
  ],
  [
    "a path of the machine",
    new RegExp(`${ROOT}|node_modules|/dist/tests/|\\.ts:\\d+:\\d+|\\.js:\\d+:\\d+`),
  ],
];

/** Fails for what must not leave. */
export function checkNothingLeaks(text: string, where: string): void {
  for (const [what, pattern] of FORBIDDEN) {
    const place = pattern.exec(text);
    assert.ok(
      place === null,
      `${where} shows ${what}: ${text.slice(Math.max(0, (place?.index ?? 0) - 300)).slice(0, 600)}`,
    );
  }
}

/** A tracking server that also refuses what is W&B's, so that no call waits for one. */
export interface Upstream extends AsyncDisposable {
  readonly env: Readonly<Record<string, string>>;
  /** Forgets what arrived. */
  forget(): void;
  /**
   * Fails when more arrived than `asked` calls can cause. Gives how often each mark was written; the
   * empty one is for tags whose key a change has replaced.
   */
  check(asked: number, what: string): Map<string, number>;
}

/** The most requests that one message causes here. */
const MOST = 8;

export function startUpstream(): Upstream {
  const mlflow: FakeMlflow = startFakeMlflow(({ pathname }) =>
    pathname.startsWith("/wandb")
      ? Response.json({ errors: [{ message: "no" }] }, { status: 400 })
      : undefined
  );
  let from = 0;
  return {
    env: {
      MLFLOW_TRACKING_URI: mlflow.url,
      MLFLOW_HTTP_REQUEST_MAX_RETRIES: "0",
      WANDB_BASE_URL: `${mlflow.url}/wandb`,
      WF_TRACE_SERVER_URL: `${mlflow.url}/wandb`,
      WANDB_MCP_PROXY_DOCS: "false",
      MCP_SERVER_LOG_LEVEL: "DEBUG",
    },
    forget: () => from = mlflow.seen.length,
    check: (asked, what) => {
      const seen = mlflow.seen.slice(from);
      from = mlflow.seen.length;
      assert.ok(
        seen.length <= asked * MOST,
        `${seen.length} requests upstream for ${asked} calls: ${
          JSON.stringify(seen.map(({ path }) => path))
        } ${what}`,
      );
      const written = new Map<string, number>();
      for (const { method, path, body } of seen) {
        assert.doesNotMatch(path, /delete-traces/, `deleted without a yes: ${body} ${what}`);
        if (!/^(PATCH|DELETE)$/.test(method)) continue;
        assert.match(path, /\/tags\b/, `${method} ${path} ${body} ${what}`);
        // Of other traces there are none.
        if (!path.includes(`/traces/${TRACE}/`)) continue;
        const [mark = ""] = (path + body).match(MARK) ?? [];
        written.set(mark, (written.get(mark) ?? 0) + 1);
      }
      return written;
    },
    [Symbol.asyncDispose]: () => mlflow[Symbol.asyncDispose](),
  };
}
