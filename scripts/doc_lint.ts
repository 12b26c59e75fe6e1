/** `deno doc --lint` without the complaints that nobody can follow. */
import { fileOf } from "./graph.ts";

/**
 * The complaints that count. Left out are exactly these: a public symbol that mentions a type of an
 * npm package or the type of a zod schema (`private-type-ref`), and a missing type on a zod schema
 * (`missing-explicit-type`): the former cannot be made public here, and a schema is its type.
 *
 * @param output What `deno doc --lint` printed, without colours.
 * @param read Reads a file of the project.
 */
export function complaintsOf(output: string, read: (file: string) => string): string[] {
  const blocks = output.split(/^(?=error\[)/m).filter((block) => block.startsWith("error["));
  return blocks.map((block) => block.split(/^error: Found/m)[0]?.trim() ?? "").filter((block) => {
    const file = /--> (.+?):\d+:\d+$/m.exec(block)?.[1];
    if (file === undefined) return true;
    const quoted = [...block.matchAll(/^ *(\d+) \| (.*)$/gm)];
    if (block.startsWith("error[missing-explicit-type]")) {
      return !/= z\s*\./.test(quoted[0]?.[2] ?? "") && !/= z$/.test(quoted[0]?.[2] ?? "");
    }
    if (!block.startsWith("error[private-type-ref]")) return true;
    const [, line, text] = quoted[1] ?? [];
    return !/^const \w+ = z\b/.test(text ?? "") &&
      read(file).split("\n")[Number(line) - 1] === text;
  });
}

/** Lints the documentation of some modules; an empty list is a pass. */
export async function lintDocs(files: readonly string[]): Promise<string[]> {
  const { code, stderr, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--lint", ...files.map(fileOf)],
    env: { NO_COLOR: "1" },
  }).output();
  if (code === 0) return [];
  const output = new TextDecoder().decode(stderr) + new TextDecoder().decode(stdout);
  if (!/^error\[/m.test(output)) return [output];
  return complaintsOf(output, (file) => Deno.readTextFileSync(file));
}
