/**
 * Tools whose modules are loaded when one of them is first called. A bundle contains their
 * listings, so that a start loads none of them; from source they are loaded immediately.
 *
 * @module
 */
import { Failure } from "../core/failure.ts";
import { once } from "../core/values.ts";
import type { App, Tool, ToolListing } from "./tool.ts";

/** A tool without its module. */
interface KnownTool extends Omit<Tool<unknown>, "listing" | "call" | "app"> {
  readonly listing: ToolListing;
  readonly app?: Omit<App, "load">;
}

/** Tools by the names of their lists. */
type KnownTools = Readonly<Record<string, readonly KnownTool[]>>;

/** In the bundle's text, the bundle step replaces `{}` with what `describeTools` returns. */
export const NO_KNOWN_TOOLS = "known tools: {}";

const known = once((): KnownTools => JSON.parse(NO_KNOWN_TOOLS.slice("known tools: ".length)));

const lists = new Map<string, () => Promise<readonly Tool<never>[]>>();

/**
 * The tools of a list.
 *
 * @param list Its name, which no other list has.
 * @param load Loads the modules.
 */
export async function lateTools<S>(
  list: string,
  load: () => Promise<readonly Tool<S>[]>,
): Promise<readonly Tool<S>[]> {
  lists.set(list, load);
  const tools = known()[list];
  if (tools === undefined) return await load();
  let loading: Promise<readonly Tool<S>[]> | undefined;
  const find = async (name: string): Promise<Tool<S>> => {
    loading ??= load().catch((error) => {
      loading = undefined;
      throw error;
    });
    const tool = (await loading).find((one) => one.name === name);
    if (tool === undefined) throw new Failure("internal", `The list ${list} has no ${name}.`);
    return tool;
  };
  return tools.map(({ listing, app, ...tool }) => ({
    ...tool,
    listing: () => listing,
    ...(app === undefined ? {} : { app: lateApp(app, () => find(tool.name)) }),
    call: async (raw, context) => await (await find(tool.name)).call(raw, context),
  }));
}

function lateApp<S>(app: Omit<App, "load">, find: () => Promise<Tool<S>>): App {
  return { ...app, load: async () => await (await find()).app?.load() ?? "" };
}

/** What all lists that were asked for look like, for the bundle step. */
export async function describeTools(): Promise<KnownTools> {
  const described = await Promise.all([...lists].map(async ([list, load]) => {
    const tools = await load();
    return [list, tools.map(describeTool)] as const;
  }));
  return Object.fromEntries(described);
}

function describeTool({ call: _, app, listing, ...tool }: Tool<never>): KnownTool {
  if (app === undefined) return { ...tool, listing: listing() };
  const { load: _load, ...page } = app;
  return { ...tool, listing: listing(), app: page };
}
