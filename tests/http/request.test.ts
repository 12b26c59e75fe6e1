/** Ids from clients become path segments; none may address anything else. */
import { Failure } from "../../src/core/failure.ts";
import assert from "node:assert/strict";
import fc from "fast-check";
import { joinPath, path } from "../../src/http/request.ts";
import { serve, sessionWith } from "./support.ts";

const refused = (run: () => unknown) => {
  try {
    run();
  } catch (error) {
    if (error instanceof Failure) return error.report;
    throw error;
  }
  throw new Error("nothing was refused");
};

Deno.test("hostile ids are refused before anything is sent", () => {
  for (
    const id of [
      "",
      "   ",
      ".",
      "..",
      "%2e",
      "%2e%2e",
      "%2E.",
      ".%2e",
      "../../experiments/get",
      "..\\..\\x",
      "%2e%2e%2f",
      "tr-1/../x",
      "tr-1/..",
      "a%2f..%2Fb",
      "a\nb",
      "a\r\nHost: evil",
      "a\u0000",
      "a\u007F",
      "a\u0085b",
      "tr-\uD800",
      "x".repeat(1025),
    ]
  ) {
    const report = refused(() => path`/traces/${id}`);
    assert.equal(report.error, "invalid_arguments", JSON.stringify(id));
    assert.ok(report.message.length < 500);
    assert.equal(
      refused(() => joinPath(path`/artifacts`, ["ok", id])).error,
      "invalid_arguments",
    );
  }
});

Deno.test("a hostile id that is sent stays in its segment", async () => {
  const ids: Record<string, string> = {
    "trace:/a.b/c": "trace%3A%2Fa.b%2Fc",
    "a%2fb": "a%252fb",
    "a/b": "a%2Fb",
    "a?x=1#y": "a%3Fx%3D1%23y",
    "//evil.example/": "%2F%2Fevil.example%2F",
    "http://evil.example": "http%3A%2F%2Fevil.example",
    "a;b=c": "a%3Bb%3Dc",
    "...": "...",
    "..a": "..a",
    "@evil": "%40evil",
    "tr-ü👩": "tr-%C3%BC%F0%9F%91%A9",
    "x{y}|^`": "x%7By%7D%7C%5E%60",
  };
  await using server = serve(() => Response.json({}));
  const session = sessionWith(`${server.url}/prefix/`);
  for (const [id, segment] of Object.entries(ids)) {
    await session.json({ method: "GET", path: path`/api/traces/${id}/info` });
    assert.equal(server.requests.at(-1), `GET /prefix/api/traces/${segment}/info`);
  }
});

Deno.test("any id is refused or is exactly one segment that decodes to itself", () => {
  const id = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.array(fc.constantFrom(".", "/", "%", "2", "e", "f", "\\", "?", "#", ":", "@"), {
      maxLength: 8,
    })
      .map((parts) => parts.join("")),
  );
  fc.assert(
    fc.property(id, (value) => {
      let text: string;
      try {
        text = path`/a/${value}/z`.text;
      } catch (error) {
        assert.ok(error instanceof Failure, String(error));
        return;
      }
      const url = new URL(text, "http://host.example");
      assert.equal(url.host, "host.example");
      const [, first, middle = "", last, ...rest] = url.pathname.split("/");
      assert.deepEqual([first, last, rest], ["a", "z", []]);
      assert.equal(decodeURIComponent(middle), value);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("the base address keeps its prefix and loses everything else", async () => {
  await using server = serve(() => Response.json({}));
  for (const [base, expected] of [["", "/x"], ["/", "/x"], ["/ml/flow//", "/ml/flow/x"]]) {
    await sessionWith(`${server.url}${base}`).json({ method: "GET", path: path`/x` });
    assert.equal(server.requests.at(-1), `GET ${expected}`);
  }
  const seen: (string | null)[] = [];
  await using other = serve((request) => {
    seen.push(request.headers.get("authorization"));
    return Response.json({});
  });
  const withParts = other.url.replace("//", "//user:canary@");
  await sessionWith(`${withParts}/p?canary=1#canary`).json({ method: "GET", path: path`/x` });
  assert.deepEqual(other.requests, ["GET /p/x"]);
  assert.deepEqual(seen, ["Bearer canary-token-0001"]);
});

Deno.test("query values cannot become further parameters or fragments", async () => {
  await using server = serve((request) =>
    Response.json([...new URL(request.url).searchParams.entries()])
  );
  const query = [["filter", "a='x&y=1#z'\n\uD800"], ["filter", "second"], ["", "?"]] as const;
  const got = await sessionWith(server.url).json({ method: "GET", path: path`/x`, query });
  assert.deepEqual(got, [["filter", "a='x&y=1#z'\n\uFFFD"], ["filter", "second"], ["", "?"]]);
});
