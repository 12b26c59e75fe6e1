import assert from "node:assert/strict";
import { shellWord } from "../../src/core/shell.ts";

Deno.test("a word is in quotes only where a shell would read it otherwise", () => {
  assert.equal(shellWord("sqlite:////data/mlflow.db"), "sqlite:////data/mlflow.db");
  assert.equal(shellWord("C:\\data\\läger.db"), "C:\\data\\läger.db");
  assert.equal(shellWord("/my data/x.db"), '"/my data/x.db"');
  assert.equal(shellWord("/a;b&c.db"), '"/a;b&c.db"');
  assert.equal(shellWord("/it's $HOME"), `'/it'\\''s $HOME'`);
});
