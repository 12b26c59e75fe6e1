/** Whom the server lets in. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createHttpHandler } from "../../../src/mcp/http.ts";
import { authenticate, type Authentication } from "../../../src/mcp/http/auth.ts";
import { findHolder, parseTokens, tokensFile } from "../../../src/mcp/http/tokens.ts";
import { echo, factoryOf, keptLog, postCall } from "../support.ts";

const hashOf = (token: string) => createHash("sha256").update(token).digest("hex");

function handlerWith(authentication: Authentication) {
  return createHttpHandler(factoryOf([echo]), {
    allowedHosts: [],
    authentication,
    log: keptLog().log,
    ready: () => true,
  });
}

const PASSTHROUGH: Authentication = { kind: "passthrough", key: new Uint8Array(32) };

function call(headers: Record<string, string>, method = "POST"): Request {
  const request = postCall("echo", { text: "let in" }, headers);
  return method === "POST"
    ? request
    : new Request(request.url, { method, headers: request.headers });
}

Deno.test("a token admits its holder until its line is removed", async () => {
  const file = await Deno.makeTempFile();
  const problems: string[] = [];
  const handler = handlerWith({
    kind: "token",
    read: tokensFile(file, (one) => problems.push(one)),
  });
  const status = async (token: string) => {
    const response = await handler.fetch(call({ authorization: `Bearer ${token}` }));
    const text = await response.text();
    assert.equal(text.includes("let in"), response.status === 200, text);
    return response.status;
  };
  try {
    await Deno.writeTextFile(file, `# tokens\n\nana ${hashOf("one")}\r\nben\t${hashOf("two")}\n`);
    assert.deepEqual([await status("one"), await status("two")], [200, 200]);
    // The hash itself, other tokens, and other ways to write one let nobody in.
    for (const wrong of [hashOf("one"), "three", "One", "one.", "ana", ""]) {
      assert.equal(await status(wrong), 401, wrong);
    }
    await Deno.writeTextFile(file, `ben ${hashOf("two")}\n`);
    assert.deepEqual([await status("one"), await status("two")], [401, 200]);
    // A damaged list lets nobody in.
    for (const damaged of ["ben two", `ben ${hashOf("two")} more`, `ben ${hashOf("two")}0`]) {
      await Deno.writeTextFile(file, `ben ${hashOf("two")}\n${damaged}\n`);
      assert.equal(await status("two"), 503, damaged);
      assert.match(problems.at(-1) ?? "", /^line 2 is not/);
    }
    assert.equal(problems.length, 1);
    await Deno.writeTextFile(file, "");
    assert.equal(await status("two"), 401);
  } finally {
    await Deno.remove(file);
  }
  // A problem is reported when it begins, not with each request.
  for (let request = 0; request < 3; request++) assert.equal(await status("two"), 503);
  assert.equal(problems.length, 2);
});

Deno.test("callers without credentials, or with the wrong kind, are told which kind is accepted", async () => {
  const token: Authentication = { kind: "token", read: () => Promise.resolve(parseTokens("")) };
  for (const authentication of [token, PASSTHROUGH]) {
    const handler = handlerWith(authentication);
    for (const method of ["POST", "GET", "DELETE"]) {
      const response = await handler.fetch(call({}, method));
      assert.equal(response.status, 401);
      assert.equal(response.headers.get("www-authenticate"), "Bearer");
      assert.equal(response.headers.get("cache-control"), "no-store");
      assert.doesNotMatch(await response.text(), /let in/);
    }
    for (
      const authorization of [
        "Bearer",
        "Bearer ",
        "Basic YTpi",
        "secret",
        "Bearer a b",
        "Bearer a, Bearer b",
        `Bearer ${"x".repeat(9000)}`,
      ]
    ) {
      const response = await handler.fetch(call({ authorization }));
      assert.equal(response.status, 401, authorization);
      assert.equal(response.headers.get("www-authenticate"), 'Bearer error="invalid_request"');
    }
  }
});

Deno.test("no client is sent to a login that is not served", async () => {
  const handler = handlerWith(PASSTHROUGH);
  const response = await handler.fetch(call({}));
  assert.doesNotMatch(response.headers.get("www-authenticate") ?? "", /resource_metadata|scope/);
  for (
    const path of [
      "/.well-known/oauth-protected-resource",
      "/.well-known/oauth-protected-resource/mcp",
      "/.well-known/oauth-authorization-server",
      "/.well-known/openid-configuration",
      "/authorize",
      "/token",
      "/register",
    ]
  ) {
    const found = await handler.fetch(
      new Request(`http://localhost${path}`, { headers: { host: "localhost" } }),
    );
    assert.equal(found.status, 404, path);
  }
});

Deno.test("Host and Origin are checked before credentials, and probes need none", async () => {
  const handler = handlerWith(PASSTHROUGH);
  const foreign = await handler.fetch(call({ host: "evil.example", authorization: "Bearer key" }));
  assert.equal(foreign.status, 403);
  const page = await handler.fetch(
    call({ origin: "https://evil.example", authorization: "Bearer key" }),
  );
  assert.equal(page.status, 403);
  for (const path of ["/healthz", "/readyz"]) {
    const probe = new Request(`http://localhost${path}`, { headers: { host: "localhost" } });
    assert.equal((await handler.fetch(probe)).status, 200);
  }
});

Deno.test("callers are distinguished by their credentials, which their id does not reveal", async () => {
  const admit = async (headers: Record<string, string>, how = PASSTHROUGH) => {
    const admitted = await authenticate(new Headers(headers), how);
    assert.ok(!(admitted instanceof Response));
    return admitted;
  };
  const wandb = { authorization: "Bearer wandb-key-1" };
  const mlflow = { "x-mlflow-authorization": `Basic ${btoa("user:long password")}` };
  const ids = await Promise.all(
    [wandb, mlflow, { ...wandb, ...mlflow }, { authorization: "Bearer wandb-key-2" }]
      .map(async (headers) => (await admit(headers)).caller?.id),
  );
  assert.equal(new Set(ids).size, 4);
  assert.equal((await admit(wandb)).caller?.id, ids[0]);
  const elsewhere = { kind: "passthrough", key: new Uint8Array(32).fill(1) } as const;
  assert.notEqual((await admit(wandb, elsewhere)).caller?.id, ids[0]);
  assert.ok(!ids.includes(hashOf("wandb-key-1").slice(0, 32)));
  const { caller, secrets } = await admit({ ...wandb, ...mlflow });
  assert.deepEqual(caller?.credentials, {
    wandb: "wandb-key-1",
    mlflow: mlflow["x-mlflow-authorization"],
  });
  assert.deepEqual(secrets, [
    "wandb-key-1",
    btoa("api:wandb-key-1"),
    btoa("user:long password"),
    "user:long password",
    "long password",
  ]);
});

Deno.test("MLflow's header is refused if it does not contain credentials", async () => {
  for (const value of ["", "x", "Digest abc", "Bearer a b", "Basic"]) {
    const answer = await authenticate(
      new Headers({ authorization: "Bearer key", "x-mlflow-authorization": value }),
      PASSTHROUGH,
    );
    assert.ok(answer instanceof Response, value);
    assert.equal(answer.status, 401);
  }
});

Deno.test("a token is looked up only by its hash", () => {
  const tokens = parseTokens(`a ${hashOf("x").toUpperCase()}`);
  assert.equal(findHolder(tokens, "x"), "a");
  assert.equal(findHolder(tokens, hashOf("x")), undefined);
  assert.equal(findHolder([], "x"), undefined);
  // What sha256sum prints of its standard input.
  assert.equal(findHolder(parseTokens(`a ${hashOf("x")}  -`), "x"), "a");
  assert.throws(() => parseTokens("a secret"), /line 1 is not a name and .*sha256sum$/);
});
