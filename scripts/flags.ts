import manifest from "../deno.json" with { type: "json" };
import { DENIED_NETWORK } from "../src/config/access.ts";
import { environmentNames } from "../src/config/settings.ts";

/**
 * Settings of the JavaScript engine: a small space for young objects, since calls are short, and
 * access to the collector, so that memory is returned after large results. A worker that ends frees
 * its pages: if shared, they would stay with idle workers. WebAssembly, which only draws pictures,
 * is not optimised, since that costs more in memory than it saves in time.
 */
export const V8_FLAGS: readonly string[] = [
  "--max-semi-space-size=4",
  "--expose-gc",
  "--no-memory-pool-share-memory-on-teardown",
  "--liftoff-only",
];

/**
 * The permissions of the launcher, the same from source, from the bundle and in the executable:
 * connect and read (its worker gets named parts of both) and named variables, with all others
 * reading as undefined; no writing, no programs, no prompts.
 *
 * @param hosts The only hosts that it may reach; if empty, all hosts.
 */
export function launcherFlags(hosts: readonly string[] = []): string[] {
  return [
    "--no-prompt",
    hosts.length === 0 ? "--allow-net" : `--allow-net=${hosts.join(",")}`,
    `--deny-net=${DENIED_NETWORK}`,
    "--allow-read",
    `--allow-env=${environmentNames().join(",")}`,
    "--ignore-env",
    `--v8-flags=${V8_FLAGS.join(",")}`,
  ];
}

/** Features that only bundling needs, and one that executables cannot have. */
const NOT_OF_BUNDLES = ["raw-imports", "no-legacy-abort"];

/** The unstable features that the program needs at run time. */
export const FEATURES: readonly string[] = manifest.unstable
  .filter((name) => !NOT_OF_BUNDLES.includes(name));

/**
 * The arguments to run or compile a bundle with: the declared permissions and features,
 * nothing from the folder it is in, and nothing from the network.
 */
export function bundleFlags(hosts: readonly string[] = []): string[] {
  return [
    "--quiet",
    "--no-config",
    "--no-lock",
    "--no-remote",
    "--no-npm",
    ...FEATURES.map((name) => `--unstable-${name}`),
    ...launcherFlags(hosts),
  ];
}

/** The arguments of `deno` before the launcher of an installed bundle. */
export function installedFlags(): string[] {
  return ["run", "--cached-only", ...bundleFlags()];
}
