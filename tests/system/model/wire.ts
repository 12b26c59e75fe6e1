/** What every model API says in its own words: the client's request, and the model's next move. */

/** A tool as the model sees it. */
export interface ModelTool {
  /** What the model has to call it; clients put the server's name before ours. */
  readonly name: string;
  /** Where the API groups tools, the group's name. */
  readonly group?: string;
  /** What the model was told about it. */
  readonly description: string;
}

/** One request to the model. */
export interface Turn {
  /** What stands before the conversation. */
  readonly system: string;
  /** The tools the model may call. */
  readonly tools: readonly ModelTool[];
  /** Results of earlier calls, oldest first, as the client passed them on. */
  readonly results: readonly string[];
  /** The last thing the user wrote. */
  readonly prompt: string;
}

/** What the model does next. */
export type Move =
  | { readonly say: string }
  | { readonly call: ModelTool; readonly arguments: Readonly<Record<string, unknown>> };

/** A model API on the wire. */
export interface Wire {
  /** Whether a request for this path is one of its. */
  readonly path: RegExp;
  /** Reads a request's body. */
  read(body: unknown): Turn;
  /** Writes the answer, streamed or whole. */
  write(move: Move, streamed: boolean): Response;
}

/** Server-sent events; `[name, data]` with an empty name for unnamed ones. */
export function events(list: readonly (readonly [name: string, data: unknown])[]): Response {
  const text = list.map(([name, data]) =>
    `${name === "" ? "" : `event: ${name}\n`}data: ${
      typeof data === "string" ? data : JSON.stringify(data)
    }\n\n`
  ).join("");
  return new Response(text, { headers: { "content-type": "text/event-stream" } });
}

/** An id that no other call of this run has. */
export function freshId(prefix: string): string {
  return `${prefix}_${crypto.randomUUID().replaceAll("-", "").slice(0, 24)}`;
}

/** All the text in a message's content, however deep the API wraps it. */
export function textIn(content: unknown): string {
  if (typeof content === "string") return content;
  if (Array.isArray(content)) return content.map(textIn).filter(Boolean).join("\n");
  if (content === null || typeof content !== "object") return "";
  for (const key of ["text", "content", "output", "parts"]) {
    const inner = Reflect.get(content, key);
    if (inner !== undefined) return textIn(inner);
  }
  return JSON.stringify(content);
}
