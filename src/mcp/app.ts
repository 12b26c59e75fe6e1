/**
 * MCP Apps (2026-01-26): pages that show a tool's results to people, in clients that can.
 *
 * @module
 */
import type { ReadResourceResult } from "@modelcontextprotocol/server";
import * as z from "zod";
import type { App, BoundTool } from "./tool.ts";

const MIME_TYPE = "text/html;profile=mcp-app";
const EXTENSION = "io.modelcontextprotocol/ui";
const CAPABLE = z.looseObject({
  extensions: z.looseObject({
    [EXTENSION]: z.looseObject({ mimeTypes: z.array(z.string()) }),
  }),
});

/** The key in a result's `_meta` under which a page finds what it shows. */
export const CHART = "wandflow/chart";

/** Whether a client with these capabilities shows pages. */
export function showsApps(capabilities: unknown): boolean {
  const { data } = CAPABLE.safeParse(capabilities);
  return data?.extensions[EXTENSION].mimeTypes.includes(MIME_TYPE) === true;
}

/** The pages of these tools, each once. */
export function listApps(tools: readonly BoundTool[]): App[] {
  return [
    ...new Map(tools.flatMap(({ app }) => app === undefined ? [] : [[app.uri, app]])).values(),
  ];
}

/** What a tool's entry in the listing says of its page, in today's form and the one before. */
export function pageHint({ app }: BoundTool): Record<string, unknown> {
  return app === undefined
    ? {}
    : { ui: { writeResourceUri: app.uri }, "ui/writeResourceUri": app.uri };
}

/** A page's entry in `resources/list`. */
export function listApp({ uri, name, title, description }: App) {
  return { uri, name, title, description, mimeType: MIME_TYPE };
}

/** A page; without domains, hosts let it load nothing and connect to nothing. */
export async function readApp({ uri, load }: App): Promise<ReadResourceResult> {
  const text = await load();
  const ui = { csp: {}, prefersBorder: true };
  return { contents: [{ uri, mimeType: MIME_TYPE, text, _meta: { ui } }] };
}
