import assert from "node:assert/strict";
import { createTidy, type Memory } from "../../src/mcp/watch.ts";

const MB = 1024 * 1024;

/** Memory whose collections leave one size after the other. */
class Sizes implements Memory {
  now = 50 * MB;
  collected = 0;
  #waiting: (() => void)[] = [];
  constructor(private readonly leaves: number[] = []) {}
  size(): number {
    return this.now;
  }
  after(_: number, action: () => void): void {
    this.#waiting.push(action);
  }
  /** Time goes by until the next of what is planned. */
  passOnce(): void {
    this.#waiting.shift()?.();
  }
  /** Time goes by until nothing is planned any more. */
  pass(): void {
    for (let action = this.#waiting.shift(); action; action = this.#waiting.shift()) action();
  }
  collect(): void {
    this.collected++;
    this.now = (this.leaves.shift() ?? this.now / MB) * MB;
  }
}

Deno.test("memory is collected some time after it has grown, and only then", () => {
  const memory = new Sizes([55]);
  const tidy = createTidy(memory);
  memory.now = 60 * MB;
  tidy(() => true);
  memory.pass();
  assert.equal(memory.collected, 0);
  memory.now = 200 * MB;
  tidy(() => true);
  tidy(() => true);
  assert.equal(memory.collected, 0);
  memory.pass();
  assert.equal(memory.collected, 1);
});

Deno.test("memory that a worker took and gave back does not count as the level to grow from", () => {
  const memory = new Sizes([200, 200, 200, 60]);
  const tidy = createTidy(memory);
  memory.now = 200 * MB;
  tidy(() => true);
  memory.pass();
  assert.equal(memory.collected, 3);
  // The helper ended; a small call comes, then a large one.
  memory.now = 60 * MB;
  tidy(() => true);
  memory.now = 150 * MB;
  tidy(() => true);
  memory.pass();
  assert.equal(memory.collected, 4);
});

Deno.test("nothing is collected while a call is under way", () => {
  const memory = new Sizes();
  const tidy = createTidy(memory);
  memory.now = 200 * MB;
  tidy(() => false);
  memory.pass();
  assert.equal(memory.collected, 0);
});

Deno.test("nothing is collected in short pauses between calls", () => {
  const memory = new Sizes([55]);
  const tidy = createTidy(memory);
  memory.now = 200 * MB;
  tidy(() => true);
  for (let count = 0; count < 5; count++) {
    tidy(() => true);
    memory.passOnce();
  }
  assert.equal(memory.collected, 0);
  memory.pass();
  assert.equal(memory.collected, 1);
});

Deno.test("collecting is tried again, but not for memory that stays in use", () => {
  const memory = new Sizes([190, 180, 170]);
  const tidy = createTidy(memory);
  memory.now = 200 * MB;
  tidy(() => true);
  memory.pass();
  assert.equal(memory.collected, 3);
  tidy(() => true);
  memory.pass();
  assert.equal(memory.collected, 3);
});

Deno.test("a runtime that does not expose its collector is left alone", () => {
  assert.equal(Reflect.get(globalThis, "gc"), undefined);
  createTidy()(() => true);
});
