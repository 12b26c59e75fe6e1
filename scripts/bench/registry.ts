import type { Result } from "./row.ts";

/** Measures one thing. */
export type Bench = () => Promise<Result>;

/** Every module by the name it has on the command line, in the order of the page. */
export const BENCHES: Readonly<Record<string, () => Promise<{ readonly bench: Bench }>>> = {
  mlflow: () => import("./mlflow.ts"),
  weave: () => import("./weave.ts"),
  wandb: () => import("./wandb.ts"),
  "local-store": () => import("./local_store.ts"),
  listing: () => import("./listing.ts"),
};

/** Cases that take minutes and gigabytes, by the same names: run instead with `--big`. */
export const BIG: Readonly<Record<string, () => Promise<{ readonly bench: Bench }>>> = {
  weave: () => import("./weave_big.ts"),
  "local-store": () => import("./local_store_big.ts"),
};

/** Sections of the page, in order; a big one follows the part that it belongs to. */
export const SECTIONS: readonly string[] = Object.keys(BENCHES).flatMap((name) =>
  Object.hasOwn(BIG, name) ? [name, bigName(name)] : [name]
);

/** The section of a part's big cases. */
export function bigName(name: string): string {
  return `${name}-big`;
}
