/** Refuses a message in the form that clients read. The connection ends: it may hold more of it. */
export function refuse(
  status: number,
  message: string,
  headers: Record<string, string> = {},
): Response {
  return Response.json({ jsonrpc: "2.0", id: null, error: { code: -32000, message } }, {
    status,
    headers: { connection: "close", "cache-control": "no-store", ...headers },
  });
}
