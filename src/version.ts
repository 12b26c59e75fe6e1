import manifest from "../deno.json" with { type: "json" };

/** The program's name, as clients see it. */
export const NAME: string = manifest.name;

/** The program's version. */
export const VERSION: string = manifest.version;
