import { LATE } from "./late.ts";

for (const [what, prove] of Object.entries(LATE)) Deno.test(what, () => prove());
