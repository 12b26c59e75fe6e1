/** What `deno task examples` keeps and the pages of docs/tools show. */
import { z } from "zod";

/** Where the examples are kept. */
export const EXAMPLES_FILE = "docs/tools/examples.json";

/** What was asked of a tool and what it answered. */
export const EXAMPLE = z.object({ input: z.record(z.string(), z.unknown()), output: z.unknown() });
/** Its type. */
export type Example = z.infer<typeof EXAMPLE>;
