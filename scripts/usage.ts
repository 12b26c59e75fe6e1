import { parseArgs, type ParseArgsConfig } from "node:util";

/** Ends a script because of how it was called: one line on standard error, exit code 2. */
export function refuse(message: string): never {
  Deno.stderr.writeSync(new TextEncoder().encode(`${message}\n`));
  Deno.exit(2);
}

/** A script's flags; unknown ones and words are refused. */
export function readFlags<const T extends NonNullable<ParseArgsConfig["options"]>>(options: T) {
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    const [reason = ""] = (error instanceof Error ? error.message : String(error)).split(
      /(?<=\.) /,
    );
    const names = Object.keys(options).map((name) => `--${name}`).join(", ");
    return refuse(`${reason.replace(/\.?$/, ".")} Flags: ${names}.`);
  }
}
