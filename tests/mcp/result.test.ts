import { Failure } from "../../src/core/failure.ts";
import assert from "node:assert/strict";
import { chooseFit, estimateTokens } from "../../src/mcp/fit.ts";
import {
  renderFailure,
  renderReply,
  REPORT,
  toFailureReport,
  UNTRUSTED,
} from "../../src/mcp/result.ts";
import { keptLog } from "./support.ts";
import { prose } from "./payloads.ts";

const { log } = keptLog();

const textOf = (result: { content: readonly { type: string; text?: unknown }[] }) => {
  const [first] = result.content;
  assert.equal(first?.type, "text");
  return String(first?.text);
};

Deno.test("the text block is the structure as compact JSON", () => {
  const result = renderReply({ data: { a: 1, b: ["x"] } }, chooseFit(undefined, 1000), log);
  assert.equal(textOf(result), '{"a":1,"b":["x"]}');
  assert.deepEqual(result.structuredContent, { a: 1, b: ["x"] });
  assert.equal(result.isError, undefined);
  assert.ok(result._meta !== undefined && UNTRUSTED in result._meta);
});

Deno.test("hidden characters are removed from structure, text and links", () => {
  const data = { name: "a\u202Eb", list: ["\u200B"] };
  const result = renderReply(
    {
      data,
      links: [{ uri: "https://x/\u200Ba", name: "n\u2066" }],
    },
    chooseFit(undefined, 1000),
    log,
  );
  const clean = { name: "ab", list: [""], links: [{ uri: "https://x/a", name: "n" }] };
  assert.deepEqual(result.structuredContent, clean);
  assert.equal(textOf(result), JSON.stringify(clean));
  assert.equal(result.content.length, 1);
  assert.match(JSON.stringify(result._meta), /"invisible_characters_removed":4/);
  assert.deepEqual(data, { name: "a\u202Eb", list: ["\u200B"] });
});

Deno.test("a tool's own text is shown while it fits, else the bounded JSON", () => {
  assert.equal(
    textOf(renderReply({ data: { a: 1 }, text: "A  B\n" }, chooseFit(undefined, 1000), log)),
    "A  B\n",
  );
  const long = renderReply({ data: { a: 1 }, text: prose(5000) }, chooseFit(undefined, 300), log);
  assert.equal(textOf(long), '{"a":1}');
  const cut = renderReply(
    { data: { a: prose(5000) }, text: "table" },
    chooseFit(undefined, 300),
    log,
  );
  assert.ok(textOf(cut).includes('"truncated"'));
  assert.ok(estimateTokens(textOf(cut)) <= 300);
});

Deno.test("a picture comes with its notes and the lines that fit, and without structure", () => {
  const picture = Uint8Array.from([1, 2, 3]);
  const text = Array.from({ length: 50 }, (_, index) => `- curve ${index}: from 1 to 2`).join("\n");
  const whole = renderReply(
    { data: { note: "n" }, text, picture },
    chooseFit(undefined, 5000),
    log,
  );
  assert.equal(textOf(whole), `n\n${text}`);
  assert.deepEqual(whole.content[1], { type: "image", mimeType: "image/png", data: "AQID" });
  assert.equal("structuredContent" in whole, false);
  const cut = textOf(renderReply({ data: {}, text, picture }, chooseFit(undefined, 200), log));
  assert.ok(estimateTokens(cut) <= 200);
  const [, left = ""] = /\n(\d+) more lines do not fit/.exec(cut) ?? [];
  assert.equal(cut.split("\n").length - 1 + Number(left), 50);
  assert.match(cut, /^- curve 0: from 1 to 2\n- curve 1/);
});

Deno.test("a result names the tool that draws it", () => {
  const result = renderReply(
    { data: { a: 1 }, drawnBy: "plot_it" },
    chooseFit(undefined, 1000),
    log,
  );
  assert.deepEqual(result.structuredContent, { a: 1, picture: "plot_it draws this." });
});

Deno.test("an error is reported in four fields and nothing else", () => {
  const { log } = keptLog();
  const error = new Failure("not_found", "No such trace.", { hint: "Search.", retryable: false });
  const result = renderFailure(error, log);
  assert.equal(result.isError, true);
  assert.equal(result.structuredContent, undefined);
  assert.equal(textOf(result), "not_found: No such trace. Hint: Search. Retry: no.");
  assert.deepEqual(result._meta?.[REPORT], {
    error: "not_found",
    message: "No such trace.",
    hint: "Search.",
    retryable: false,
  });
});

Deno.test("an unforeseen error reveals nothing to the model, and everything but secrets to the log", () => {
  const { log, lines } = keptLog(["canary-secret"]);
  const result = renderFailure(new TypeError("boom at /home/u/x.ts canary-secret"), log);
  assert.doesNotMatch(textOf(result), /boom|home|canary/);
  assert.match(textOf(result), /^internal: /);
  assert.match(lines.join(""), /boom/);
  assert.doesNotMatch(lines.join(""), /canary-secret/);
  for (const thrown of ["text", undefined, null, { report: "no report" }, 5]) {
    assert.equal(toFailureReport(thrown, log).error, "internal");
  }
});

Deno.test("secrets and hidden characters never leave in a message or hint", () => {
  const { log } = keptLog(["canary-secret"]);
  const error = new Failure("upstream_error", "said canary-secret\u202E\u001B[2J", {
    hint: "try canary-secret",
  });
  for (
    const text of [textOf(renderFailure(error, log)), JSON.stringify(toFailureReport(error, log))]
  ) {
    assert.doesNotMatch(text, /canary|\u202E|\\u001b/i);
    assert.match(text, /\*\*\*/);
  }
  const long = new Failure("upstream_error", `${"word ".repeat(198)}canary-secret and more`);
  assert.doesNotMatch(toFailureReport(long, log).message, /can/);
});

Deno.test("an abort that was not turned into a failure is a cancelled call", () => {
  const { log } = keptLog();
  assert.equal(toFailureReport(new DOMException("x", "AbortError"), log).error, "cancelled");
});

Deno.test("a picture comes with its description, and without structured content", () => {
  const result = renderReply(
    { data: {}, text: "A curve.", picture: Uint8Array.of(1, 2, 3) },
    chooseFit(undefined, 100),
    log,
  );
  assert.deepEqual(result.content, [
    { type: "text", text: "A curve." },
    { type: "image", mimeType: "image/png", data: "AQID" },
  ]);
  assert.equal("structuredContent" in result, false);
});

Deno.test("no part of a result contains a secret, however it is written or hidden", () => {
  const secret = "canary-0123456789";
  const { log } = keptLog([secret]);
  const hidden = `${secret.slice(0, 5)}\u200B${secret.slice(5)}`;
  for (
    const [name, reply, maxTokens] of [
      ["values and keys", { data: { a: [`x ${secret}`], b: { [secret]: 1 } } }, 1000],
      ["text of its own", { data: { a: 1 }, text: `| ${secret} |` }, 1000],
      ["a link", { data: {}, links: [{ uri: `https://h/?t=${secret}`, name: secret }] }, 1000],
      ["split by what cannot be seen", { data: { a: hidden }, text: hidden }, 1000],
      ["Base64 in JSON in a text", { data: { a: JSON.stringify({ t: btoa(secret) }) } }, 1000],
      ["cut by the budget", { data: { a: `${secret} word `.repeat(2000) } }, 300],
    ] as const
  ) {
    const told = JSON.stringify(renderReply(reply, chooseFit(undefined, maxTokens), log));
    assert.ok(!told.includes(secret.slice(0, 9)), `${name}: ${told}`);
    assert.ok(!told.includes(btoa(secret).slice(0, 12)), name);
    assert.match(told, /\*\*\*/, name);
  }
});
