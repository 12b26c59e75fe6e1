/**
 * A back end that costs nothing: it answers requests with the bytes that a real one answered.
 *
 *     deno run -A scripts/bench/load/stub.ts PORT EXCHANGES.json
 */
import { z } from "zod";

const Exchanges = z.array(z.object({
  method: z.string(),
  path: z.string(),
  body: z.string(),
  status: z.int(),
  answerType: z.string(),
  answer: z.string(),
}));

const [port = "", file = ""] = Deno.args;
const answers = new Map<string, { status: number; type: string; bytes: Uint8Array<ArrayBuffer> }>();
for (const one of Exchanges.parse(JSON.parse(await Deno.readTextFile(file)))) {
  answers.set(`${one.method} ${one.path} ${one.body}`, {
    status: one.status,
    type: one.answerType,
    bytes: new TextEncoder().encode(one.answer),
  });
}

Deno.serve({ hostname: "127.0.0.1", port: Number(port), onListen() {} }, async (request) => {
  const { pathname, search } = new URL(request.url);
  if (pathname === "/healthz") return new Response("ok");
  const key = `${request.method} ${pathname}${search} ${await request.text()}`;
  const answer = answers.get(key);
  if (answer === undefined) return new Response(`Not recorded: ${key}`, { status: 500 });
  const { status, type, bytes } = answer;
  return new Response(bytes, { status, headers: { "content-type": type } });
});
