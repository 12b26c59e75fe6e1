/** A picture on its way to the model: the bytes that we drew arrive with what the client sends it. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { decode } from "../pictures/png.ts";
import { ask, claude, codex } from "./agents.ts";
import { makeHome } from "./home.ts";

for (const agent of [claude, codex]) {
  Deno.test(`${agent.name}: the model gets the picture and its description`, async () => {
    await using home = await makeHome();
    await agent.setServer(home, home.demo);
    const { turns, output } = await ask(agent, home, [{
      tool: "plot_traces",
      arguments: { experiment_id: "support-agent" },
    }]);
    const { body } = turns.at(-1) ?? { body: "" };
    // Clients write a picture as the data of a block or as a data URL; both are Base64.
    const [, base64 = ""] = /(iVBORw0KGgo[A-Za-z0-9+/]{1000,}={0,2})/.exec(body) ?? [];
    assert.notEqual(base64, "", output);
    const picture = decode(Buffer.from(base64, "base64"));
    assert.ok(picture.width > 400 && picture.height > 300);
    assert.match(body, /36 traces from .* failed/);
  });
}
