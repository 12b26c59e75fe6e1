import type { PatternReader } from "./reader.ts";

/** The modes that change what a pattern means. */
export interface Modes {
  /** `i`: capital and small letters are the same. */
  readonly ignoreCase: boolean;
  /** `m`: ^ and $ hold at every line. */
  readonly multiline: boolean;
  /** `s`: the dot matches a line break too. */
  readonly dotAll: boolean;
}

/** `(?i)` and its like, which Python takes only at the very beginning. */
export function readGlobalModes(reader: PatternReader): Modes {
  let modes: Modes = { ignoreCase: false, multiline: false, dotAll: false };
  for (;;) {
    const found = /^\(\?([A-Za-z]+)\)/.exec(reader.rest(12));
    if (found === null) return modes;
    reader.advance(found[0].length);
    modes = switched(reader, modes, found[1] ?? "", "");
  }
}

/** The modes with some letters turned on and others off. */
export function switched(reader: PatternReader, modes: Modes, on: string, off: string): Modes {
  const bad = [...on + off].find((flag) => !"imsu".includes(flag));
  if (bad !== undefined) throw reader.fail(`the mode "${bad}" is not supported`);
  if (off.includes("u")) throw reader.fail('the mode "u" cannot be turned off');
  const set = (flag: string, before: boolean) =>
    on.includes(flag) ? true : off.includes(flag) ? false : before;
  return {
    ignoreCase: set("i", modes.ignoreCase),
    multiline: set("m", modes.multiline),
    dotAll: set("s", modes.dotAll),
  };
}
