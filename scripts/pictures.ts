/**
 * Draws the golden pictures anew, one of each kind of chart. Look at them before you commit them.
 *
 *   deno run -A scripts/pictures.ts
 */
import { paint } from "../src/pictures/paint.ts";
import { SAMPLES } from "../tests/pictures/samples.ts";
import { say } from "./say.ts";

const folder = new URL("../tests/golden/pictures/", import.meta.url);

if (import.meta.main) {
  await Deno.mkdir(folder, { recursive: true });
  for (const [name, spec] of Object.entries(SAMPLES)) {
    const png = await paint(spec);
    await Deno.writeFile(new URL(`${name}.png`, folder), png);
    say(`${name}.png: ${png.length} bytes`);
  }
}
