/** The GraphQL documents in src/wandb: every exported text that is one. */
import { sourcesIn } from "../../scripts/graph.ts";

const ROOT = new URL("../../", import.meta.url);
const FILES = (await sourcesIn("src/wandb")).map((path) => new URL(path, ROOT));

/** Documents by name. */
export const DOCUMENTS: Readonly<Record<string, string>> = Object.fromEntries(
  (await Promise.all(FILES.map(documentsIn))).flat(),
);

/** Names of the operations that the sources hold, exported or not. */
export const OPERATIONS: readonly string[] = FILES.flatMap((file) => {
  const found = Deno.readTextFileSync(file).matchAll(/`(?:query|mutation) (\w+)/g);
  return [...found].map(([, name = ""]) => name);
});

async function documentsIn(file: URL): Promise<[string, string][]> {
  const module: unknown = await import(file.href);
  return Object.entries(module ?? {}).filter((entry): entry is [string, string] =>
    typeof entry[1] === "string" && /^(query|mutation) \w+/.test(entry[1])
  );
}
