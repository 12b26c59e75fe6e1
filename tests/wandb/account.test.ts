import { resolveSettings } from "../../src/config/resolve.ts";
import { isFailure } from "../../src/core/failure.ts";
import { accountsFor, createAccount, identityCredentials } from "../../src/wandb/account.ts";
import { createWandb } from "../../src/wandb/client.ts";
import { countTraces } from "../../src/wandb/tools/query_traces.ts";
import { listEntities } from "../../src/wandb/tools/query_projects.ts";
import { createWeave } from "../../src/wandb/weave/client.ts";
import { contextFor, type Data, memoryLog } from "./harness.ts";

/** What W&B's API and Weave's trace server share: secrets, renewal, the texts of refusals. */
import assert from "node:assert/strict";

const JWT = "eyJhbGciOiJub25lIn0.Y2FuYXJ5LWlkZW50aXR5.c2lnbmF0dXJl";

/** Both servers of an account with an identity token; `answer` is what they say to a header. */
function serve(answer: (authorization: string) => Response) {
  const lines: string[] = [];
  const log = memoryLog(lines);
  const exchanges: string[] = [];
  const account = createAccount({
    baseUrl: new URL("http://wandb.test"),
    appUrl: new URL("http://wandb.test"),
    credentials: identityCredentials("/run/token", log, () => Promise.resolve(`${JWT}\n`)),
    entity: "team",
    project: "cars",
    timeoutMs: 5000,
    log,
    backoffMs: 0,
    transport: (url, init) => {
      if (url.pathname === "/oidc/token") {
        assert.equal(url.host, "wandb.test");
        const token = `access-canary-${exchanges.length}`;
        exchanges.push(token);
        return Promise.resolve(Response.json({ access_token: token, expires_in: 3600 }));
      }
      return Promise.resolve(answer(new Headers(init.headers).get("authorization") ?? ""));
    },
  });
  const services = {
    wandb: createWandb(account),
    weave: createWeave(account, new URL("http://weave.test")),
  };
  const context = () => ({ ...contextFor(log), ...services });
  return {
    account,
    exchanges,
    lines,
    calls: [() => listEntities.call({}, context()), () => countTraces.call({}, context())],
  };
}

async function toFailureReport(call: () => Promise<unknown>): Promise<Data> {
  try {
    await call();
  } catch (error) {
    assert.ok(isFailure(error), String(error));
    return { ...error.report };
  }
  throw new Error("The call was expected to fail.");
}

Deno.test("identity and access tokens, old and new, are in no message when a server echoes them", async () => {
  for (const status of [401, 403, 500, 503]) {
    const seen: string[] = [];
    const { calls, exchanges, lines } = serve((authorization) => {
      seen.push(authorization.replace(/^Bearer /, ""));
      const said = `refused ${JWT} and ${seen.join(" and ")}`;
      return Response.json({ error: said, reason: said }, { status });
    });
    for (const call of calls) {
      const report = await toFailureReport(call);
      assert.ok(exchanges.length > 0);
      const text = JSON.stringify([report, lines]);
      for (const secret of [JWT, ...exchanges]) assert.ok(!text.includes(secret), text);
    }
  }
});

Deno.test("both servers get a new token after a refusal, and calls share it", async () => {
  const { calls, exchanges } = serve((authorization) =>
    authorization.endsWith("-0")
      ? Response.json({ error: "expired" }, { status: 401 })
      : Response.json({ count: 0, data: { viewer: { username: "me" } } })
  );
  for (const call of calls) await call();
  assert.deepEqual(exchanges, ["access-canary-0", "access-canary-1"]);
});

Deno.test("concurrent calls exchange an identity token once, even if the first is cancelled", async () => {
  const { account, exchanges } = serve(() => Response.json({}));
  const first = new AbortController();
  const headers = [first.signal, new AbortController().signal].map((signal) =>
    account.authorization(signal)
  );
  first.abort(new Error("cancelled"));
  assert.deepEqual((await Promise.allSettled(headers)).map(({ status }) => status), [
    "rejected",
    "fulfilled",
  ]);
  assert.equal(exchanges.length, 1);
});

Deno.test("a refusal by either server has the same words", async () => {
  for (
    const [status, code, words] of [
      [401, "unauthorized", "refused the API key (HTTP 401): so it is"],
      [403, "forbidden", "does not permit this (HTTP 403): so it is."],
      [404, "not_found", "found nothing there: so it is."],
      [429, "rate_limited", "limits the rate of requests (HTTP 429): so it is."],
      [503, "upstream_error", "failed (HTTP 503): so it is."],
    ] as const
  ) {
    const { calls } = serve(() => Response.json({ error: "so it is" }, { status }));
    const [wandb, weave] = await Promise.all(calls.map(toFailureReport));
    assert.ok(String(wandb?.["message"]).startsWith(`W&B ${words}`), String(wandb?.["message"]));
    assert.deepEqual(weave, {
      ...wandb,
      message: String(wandb?.["message"]).replace("W&B", "Weave"),
    });
    assert.equal(wandb?.["error"], code);
  }
});

Deno.test("a shortened answer contains no part of a token", async () => {
  let quoted = 0;
  for (const status of [400, 500, 503]) {
    for (const before of [370, 390, 398]) {
      const { calls } = serve((authorization) =>
        new Response(`${"x".repeat(before)} ${authorization} ${JWT}`, { status })
      );
      for (const call of calls) {
        const { message } = await toFailureReport(call);
        if (/x{370}/.test(String(message))) quoted++;
        assert.doesNotMatch(String(message), /Bearer \w|access|eyJ/, `${status} ${before}`);
      }
    }
  }
  assert.ok(quoted > 0);
});

Deno.test("who is refused is told about the credentials that were used", () => {
  const advise = (env: Record<string, string>, wandb?: string) => {
    const { settings } = resolveSettings(new Map(), (name) => env[name]);
    const base = new URL("https://wandb.example.com");
    const call = wandb === undefined ? {} : { caller: { id: "ann", credentials: { wandb } } };
    return accountsFor(settings, base, memoryLog([])).forCall({ ...call, log: memoryLog([]) })
      .ifRefused;
  };
  assert.match(advise({ WANDB_API_KEY: "k" }), /example\.com\/authorize and set WANDB_API_KEY/);
  assert.match(advise({ WANDB_IDENTITY_TOKEN_FILE: "/run/jwt" }), /token in WANDB_IDENTITY_TOKEN/);
  const caller = advise({ WANDFLOW_AUTH: "passthrough" }, "k");
  assert.match(caller, /with each request: Authorization: Bearer <W&B API key>/);
  assert.doesNotMatch(caller, /WANDB_/);
});
