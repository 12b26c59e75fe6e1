/** Asks the address that it is given, and prints the report of what went wrong. */
import { openSession } from "../../src/http/client.ts";
import { path } from "../../src/http/request.ts";
import { failure, optionsFor } from "./support.ts";

const session = openSession(optionsFor(Deno.args[0] ?? ""), new AbortController().signal);
const { report } = await failure(session.json({ method: "GET", path: path`/start` }));
Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(report)));
