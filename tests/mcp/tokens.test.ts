import assert from "node:assert/strict";
import fc from "fast-check";
import { encode } from "gpt-tokenizer/encoding/o200k_base";
import { estimateTokens, fitsTokens } from "../../src/mcp/tokens.ts";
import { base64, chinese, csv, metrics, prose, trace } from "./payloads.ts";
import { slowTest } from "../support/slow.ts";

/** Estimated over real: 1 is exact, above is an overestimate. */
const ratio = (text: string) => estimateTokens(text) / encode(text).length;

slowTest("the estimate is within 15 % of o200k_base on what results are made of", () => {
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

slowTest("it stays within a third on Base64, escaped text and indented JSON", () => {
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

slowTest("nothing takes no tokens, more text never takes fewer", () => {
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
