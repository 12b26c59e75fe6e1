import assert from "node:assert/strict";
import fc from "fast-check";
import { encode } from "gpt-tokenizer/encoding/o200k_base";
import { chooseFit, estimateTokens, fitsTokens } from "../../src/mcp/fit.ts";
import { renderReply } from "../../src/mcp/result.ts";
import { base64, chinese, csv, metrics, prose, trace } from "./payloads.ts";
import { keptLog } from "./support.ts";
import { slowTest } from "../support/slow.ts";

const ROWS = Array.from({ length: 200 }, (_, index) => ({
  id: `row-${index}`,
  note: "what was asked and what was answered ".repeat(8),
}));
const reply = () => ({
  data: { items: ROWS, returned: ROWS.length },
  rows: [{
    path: "items",
    resume: (kept: number) => ({ returned: kept, next: `after-${kept}` }),
  }],
});
const render = (client: string | undefined, userSet?: number) => {
  const { content: [block], structuredContent } = renderReply(
    reply(),
    chooseFit(client, userSet),
    keptLog().log,
  );
  assert.ok(block?.type === "text");
  return { text: block.text, structuredContent };
};

Deno.test("an answer is as long as the client passes on, and says what was cut and why", () => {
  for (
    const [client, most] of [
      ["codex-mcp-client", 11_000],
      ["@cline/core", 6_000],
      ["qwen-cli-mcp-client-wandflow", 25_000],
    ] as const
  ) {
    const { text, structuredContent } = render(client);
    assert.ok(text.length <= most && text.length > 0.7 * most, `${client}: ${text.length}`);
    assert.deepEqual(JSON.parse(text), structuredContent);
    assert.match(text, new RegExp(`"limit":"${most} characters`));
    assert.match(text, /"next":"after-\d+"/);
  }
});

Deno.test("the user's limit applies to any client", () => {
  const { text } = render("@cline/core", 30_000);
  assert.ok(text.length > 50_000);
  assert.doesNotMatch(text, /"truncated"/);
});

Deno.test("facts come before the rows, and each row has its own line", () => {
  const [head = "", ...lines] = render("opencode").text.split("\n");
  assert.match(head, /^\{"returned":\d+,.*"items":\[$/);
  assert.ok(lines.length > 10);
  for (const line of lines.slice(0, -1)) assert.match(line, /^\{"id":"row-\d+"/);
});

Deno.test("clients that drop a text if it equals the structure get exactly that text", () => {
  for (const client of ["qwen-cli-mcp-client-x", "copilot-cli"]) {
    const { text, structuredContent } = render(client);
    assert.equal(text, JSON.stringify(structuredContent));
  }
});

/** Estimated over real: 1 is exact, above is an overestimate. */
const ratio = (text: string) => estimateTokens(text) / encode(text).length;

slowTest("the estimate is within 15 % of o200k_base on typical results", () => {
  const payloads = {
    "trace JSON": JSON.stringify(trace(60)),
    "metric history JSON": JSON.stringify(metrics(300)),
    "CSV of numbers": csv(300),
    "English prose": prose(2000),
    "Chinese prose": chinese(40),
    "span names": JSON.stringify({ spans: trace(200).data }).replaceAll(
      /"content":"[^"]*"/g,
      '"c":1',
    ),
  };
  for (const [name, text] of Object.entries(payloads)) {
    const measured = ratio(text);
    assert.ok(measured > 0.85 && measured < 1.15, `${name}: ${measured.toFixed(3)}`);
  }
});

slowTest("the estimate stays within a third on Base64, escaped text and indented JSON", () => {
  const payloads = {
    "Base64": base64(6000),
    "escaped": JSON.stringify(JSON.stringify(JSON.stringify(trace(10)))),
    "indented": JSON.stringify(trace(20), null, 2),
    "code": estimateTokens.toString().repeat(4),
  };
  for (const [name, text] of Object.entries(payloads)) {
    const measured = ratio(text);
    assert.ok(measured > 0.66 && measured < 1.34, `${name}: ${measured.toFixed(3)}`);
  }
});

slowTest("other scripts and emoji are counted within a factor of two", () => {
  const texts = {
    Hindi: "मॉडल प्रशिक्षण के दौरान हानि धीरे-धीरे कम होती गई ".repeat(30),
    Russian: "Во время обучения модели потери постепенно снижались ".repeat(30),
    Arabic: "أثناء تدريب النموذج انخفضت الخسارة تدريجيا ".repeat(30),
    Japanese: "モデルの学習中に損失は徐々に減少しました。".repeat(30),
    Korean: "모델 학습 중에 손실이 점차 감소했습니다. ".repeat(30),
    Thai: "ในระหว่างการฝึกโมเดลการสูญเสียค่อยๆลดลง".repeat(30),
    emoji: "👩🏽‍💻🔥🚀🤖".repeat(50),
  };
  for (const [name, text] of Object.entries(texts)) {
    assert.ok(ratio(text) > 0.75 && ratio(text) < 2, `${name}: ${ratio(text).toFixed(3)}`);
  }
});

slowTest("empty text takes no tokens, and more text never takes fewer", () => {
  assert.equal(estimateTokens(""), 0);
  fc.assert(fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (a, b) => {
    assert.ok(estimateTokens(`${a} ${b}`) + 2 >= estimateTokens(a));
    assert.ok(estimateTokens(a + b) <= estimateTokens(a) + estimateTokens(b) + 1);
  }));
});

slowTest("the quick answers of fitsTokens agree with the estimate", () => {
  const text = fc.oneof(
    fc.string({ unit: "binary", maxLength: 200 }),
    fc.constantFrom(prose(50), csv(20), "a".repeat(400), "文".repeat(100)),
  );
  fc.assert(fc.property(text, fc.integer({ min: 1, max: 300 }), (value, budget) => {
    assert.equal(fitsTokens(value, budget), estimateTokens(value) <= budget);
  }));
});
