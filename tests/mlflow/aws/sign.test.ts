/** Requests signed for AWS, checked by AWS's own library. */
import assert from "node:assert/strict";
import {
  type Keys,
  readSignature,
  type Received,
  signByBotocore,
} from "../../support/aws/botocore.ts";
import { startMoto } from "../../support/aws/moto.ts";
import { at, toolsWith } from "../harness.ts";

const KEYS = {
  MLFLOW_TRACKING_AWS_SIGV4: "true",
  AWS_ACCESS_KEY_ID: "AKIAIOSFODNN7EXAMPLE",
  AWS_SECRET_ACCESS_KEY: "canary/K7MDENG+bPxRfiCYEXAMPLEKEY",
  AWS_DEFAULT_REGION: "eu-west-1",
};
const EXPECTED: Keys = {
  access: KEYS.AWS_ACCESS_KEY_ID,
  secret: KEYS.AWS_SECRET_ACCESS_KEY,
  region: "eu-west-1",
  service: "execute-api",
};
const INFO = {
  trace_id: "tr-1",
  state: "OK",
  request_time: "2026-11-06T00:00:00Z",
  trace_location: { type: "MLFLOW_EXPERIMENT", mlflow_experiment: { experiment_id: "1" } },
  tags: {},
};

/** A gateway that keeps what it gets, and answers or refuses. */
function serve(answer: (request: Received) => Response | undefined = () => undefined) {
  const received: Received[] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const { method, url, headers } = request;
      const one = { method, url, headers, body: await request.text() };
      received.push(one);
      const own = answer(one);
      if (own !== undefined) return own;
      return url.includes("/search")
        ? Response.json({ traces: [INFO] })
        : Response.json({ trace: { trace_info: INFO } });
    },
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}/prod`,
    received,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

Deno.test("aws: requests of every kind are signed as botocore signs them", async () => {
  await using gateway = serve();
  const tools = toolsWith({ ...KEYS, MLFLOW_TRACKING_URI: gateway.url });
  await tools.ok("get_trace", { trace_id: "tr-1 ä/ö~*'(", extract_fields: "info.state" });
  await tools.ok("search_traces", {
    experiment_id: "1",
    filter_string: "tag.name = 'Grüße & more = 1'",
    extract_fields: "info.trace_id",
  });
  await tools.ok("set_trace_tag", { trace_id: "tr-1", key: "a", value: "ü" });
  assert.deepEqual(
    new Set(gateway.received.map(({ method }) => method)),
    new Set(["GET", "POST", "PATCH"]),
  );
  for (const request of gateway.received) {
    const { scope, signed, signature } = readSignature(request);
    assert.match(scope, /^AKIAIOSFODNN7EXAMPLE\/\d{8}\/eu-west-1\/execute-api\/aws4_request$/);
    assert.ok(signed.includes("host") && signed.includes("x-amz-date"));
    assert.equal(signature, await signByBotocore(request, EXPECTED), request.url);
  }
});

Deno.test("aws: a session's token is sent and signed", async () => {
  await using gateway = serve();
  const token = "canary-session//token==";
  const env = { ...KEYS, MLFLOW_TRACKING_URI: gateway.url, AWS_SESSION_TOKEN: token };
  await toolsWith(env).ok("get_trace", { trace_id: "tr-1", extract_fields: "info.state" });
  const [request] = gateway.received;
  assert.ok(request !== undefined);
  assert.equal(request.headers.get("x-amz-security-token"), token);
  const { signed, signature } = readSignature(request);
  assert.ok(signed.includes("x-amz-security-token"));
  assert.equal(signature, await signByBotocore(request, EXPECTED));
});

Deno.test("aws: a role is assumed with a web identity token, once for many calls", async () => {
  await using moto = await startMoto();
  await using gateway = serve();
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(file, "canary-identity-token\n");
    const tools = toolsWith({
      MLFLOW_TRACKING_AWS_SIGV4: "true",
      MLFLOW_TRACKING_URI: gateway.url,
      AWS_REGION: "eu-west-1",
      AWS_ROLE_ARN: "arn:aws:iam::123456789012:role/reader",
      AWS_WEB_IDENTITY_TOKEN_FILE: file,
      AWS_ENDPOINT_URL_STS: moto.url,
    });
    const ask = { trace_id: "tr-1", extract_fields: "info.state" };
    const all = await Promise.all([1, 2, 3].map(() => tools.ok("get_trace", ask)));
    assert.deepEqual(all.map((data) => at(data, "info", "state")), ["OK", "OK", "OK"]);
    const sessions = gateway.received.map(({ headers }) => headers.get("x-amz-security-token"));
    assert.equal(new Set(sessions).size, 1);
    assert.ok((sessions[0] ?? "").length > 20);
    assert.match(readSignature(gateway.received[0] ?? assert.fail()).scope, /^ASIA/);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("aws: only the tracking server's own host gets signatures", async () => {
  await using other = serve();
  await using gateway = serve(() =>
    new Response(null, { status: 307, headers: { location: `${other.url}/x` } })
  );
  const tools = toolsWith({ ...KEYS, MLFLOW_TRACKING_URI: gateway.url });
  await tools.call("get_trace", { trace_id: "tr-1", extract_fields: "info.state" });
  assert.ok(gateway.received.length > 0 && other.received.length > 0);
  for (const { headers } of other.received) {
    assert.equal(headers.get("authorization"), null);
    assert.equal(headers.get("x-amz-date"), null);
  }
});

Deno.test("aws: requests of a caller with credentials are not signed", async () => {
  await using gateway = serve();
  const tools = toolsWith({ ...KEYS, MLFLOW_TRACKING_URI: gateway.url });
  for (const mlflow of ["Bearer own-token", undefined]) {
    const caller = { id: "ann", credentials: mlflow === undefined ? {} : { mlflow } };
    await tools.call("get_trace", { trace_id: "tr-1", extract_fields: "info.state" }, { caller });
    const headers = gateway.received.at(-1)?.headers;
    assert.equal(headers?.get("authorization"), mlflow ?? null);
    assert.equal(headers?.get("x-amz-date"), null);
  }
});
