import manifest from "../deno.json" with { type: "json" };
import { DENIED_NETWORK } from "../src/config/access.ts";
import { environmentNames } from "../src/config/settings.ts";

/**
 * Settings of the JavaScript engine: a small space for young objects, since calls are short, and
 * the collector within reach, so that memory is given back after large results. A worker that ends
 * takes its pages with it: shared, they stay with workers that are idle. WebAssembly, which only
 * draws pictures, is compiled once: optimising it takes more memory than it saves time.
 */
export const V8_FLAGS: readonly string[] = [
  "--max-semi-space-size=4",
  "--expose-gc",
  "--no-memory-pool-share-memory-on-teardown",
  "--liftoff-only",
];

/**
 * The permissions that the launcher gets, from source, from the bundle and baked into the
 * executable alike: connect and read (its worker gets named parts of both), named variables, all
 * others reading as undefined; no writing, no programs, no prompts.
 *
 * @param hosts The only hosts that it may reach; all of them where none is named.
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

/** Features that bundling alone needs, and one that executables cannot have. */
const NOT_OF_BUNDLES = ["raw-imports", "no-legacy-abort"];

/** The unstable features that the program needs where it runs. */
export const FEATURES: readonly string[] = manifest.unstable
  .filter((name) => !NOT_OF_BUNDLES.includes(name));

/**
 * The arguments with which a bundle runs, or is compiled: the declared permissions and features,
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

/**
 * The arguments of `deno` before the launcher of a bundle that is installed. The runtime keeps what
 * it compiled for the next start, but only what was compiled while modules loaded: without
 * `--no-lazy` each start compiles again what runs after that. Executables keep nothing.
 */
export function installedFlags(): string[] {
  return ["run", "--cached-only", "--v8-flags=--no-lazy", ...bundleFlags()];
}
