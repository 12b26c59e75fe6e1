import { DENIED_NETWORK } from "../src/config/access.ts";
import { environmentNames } from "../src/config/settings.ts";

/**
 * Settings of the JavaScript engine: a small space for young objects, since calls are short, and
 * the collector within reach, so that memory is given back after large results.
 */
const RUNTIME = ["--v8-flags=--max-semi-space-size=4,--expose-gc"];

/**
 * The permissions that the launcher gets, from source, from the bundle and baked into the
 * executable alike: connect and read (its worker gets named parts of both), named variables, all
 * others reading as undefined; no writing, no programs, no prompts.
 */
export function launcherFlags(): string[] {
  return [
    "--no-prompt",
    "--allow-net",
    `--deny-net=${DENIED_NETWORK}`,
    "--allow-read",
    `--allow-env=${environmentNames().join(",")}`,
    "--ignore-env",
    ...RUNTIME,
  ];
}
