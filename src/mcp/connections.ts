import { Buffer } from "node:buffer";
import { createServer, type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";
import { Duplex } from "node:stream";
import { pause, waitUnlessAborted } from "../core/async.ts";
import type { Log } from "../core/log.ts";
import type { NextPart } from "./http/body.ts";
import { MOST_LINES, readHead } from "./http/head.ts";

/** What a server puts up with; times in milliseconds. */
export interface ConnectionLimits {
  /** Connections at a time. */
  readonly most: number;
  /** How long a connection may be without the whole head of a request. */
  readonly quiet: number;
  /** How long a client may take no more of its answer. */
  readonly unread: number;
}

const LIMITS: ConnectionLimits = { most: 256, quiet: 30_000, unread: 60_000 };

/** How long a client may send nothing that has its last answer, and how long anything. */
const LINGER = { part: 2_000, whole: 120_000 };
/** How long a message may take to arrive before it makes room for others, in milliseconds. */
const SLOW = 1_000;
/** Requests on one connection that wait for their turn before no more are read. */
const MOST_WAITING = 16;

/**
 * So many parts of a body may be of any size, more must have so many bytes on average: each takes
 * some 700 bytes of memory, and chunks may have one byte.
 */
const SMALL = { parts: 8_192, bytes: 64 };

/** Wait before connections are accepted again where there were no files for them, in milliseconds. */
const BREATH = 250;

/** What accepting a connection fails with if its client is gone. */
const GONE = [
  Deno.errors.NotConnected,
  Deno.errors.ConnectionAborted,
  Deno.errors.ConnectionReset,
] as const;

/** After which pause no more connections are waited for that have come before the end. */
const QUIET = 25;
/** For how long at most such a pause is waited for, in milliseconds. */
const LAST = 1_000;

/** Answers a request, whose body comes apart from it. */
type Answer = (request: Request, next: NextPart) => Promise<Response>;

/** What {@link serveConnections} needs. */
interface Serving {
  readonly hostname: string;
  readonly port: number;
  readonly log: Log;
  /** Aborts when no more connections are taken; what is under way is still answered. */
  readonly stop: AbortSignal;
  /** Called once it listens. */
  readonly onListen: (address: Deno.NetAddr) => void;
  readonly limits?: Partial<ConnectionLimits> | undefined;
}

/**
 * Answers HTTP requests until `stop` aborts. A request's signal aborts when its client goes away.
 *
 * Connections are accepted here and read by `node:http`, which takes them from anywhere.
 * `Deno.serve` keeps those for ever on which no request comes, and the listeners of both stop
 * accepting when the process runs out of files.
 */
export async function serveConnections(
  answer: Answer,
  { hostname, port, log, stop, onListen, limits }: Serving,
): Promise<void> {
  const running = new Set<Promise<void>>();
  const take = (incoming: IncomingMessage, outgoing: ServerResponse, invite = () => {}) => {
    const connection: Duplex = incoming.socket;
    if (!(connection instanceof Connection)) {
      throw new TypeError("A connection of somebody else's.");
    }
    const kept = () => !stop.aborted;
    const handled = connection.answer(
      incoming,
      outgoing,
      () => handle({ incoming, outgoing, invite, answer, kept, log }),
    ).finally(() => running.delete(handled));
    running.add(handled);
  };
  const server = createServer(
    { keepAliveTimeout: 0 },
    (incoming, outgoing) => take(incoming, outgoing),
  );
  // A body that is refused unread is not asked for.
  server.on(
    "checkContinue",
    (incoming: IncomingMessage, outgoing: ServerResponse) =>
      take(incoming, outgoing, () => outgoing.writeContinue()),
  );
  // Without a listener, it answers by itself and keeps the connection.
  server.on("checkExpectation", take);
  // It would end the connection with answers under way.
  server.on("clientError", (error: Error, broken: Duplex) => {
    if (!(broken instanceof Connection)) return;
    broken.refuse("code" in error && error.code === "HPE_HEADER_OVERFLOW" ? 431 : 400);
  });
  server.maxHeadersCount = MOST_LINES + 1;
  // It ends connections after each answer unless it believes that it listens itself.
  Object.defineProperty(server, "listening", { get: () => !stop.aborted });
  const listener = Deno.listen({ hostname, port });
  const connections = new Connections({ ...LIMITS, ...limits });
  onListen(listener.addr);
  const connect = (stream: Deno.TcpConn) => {
    const connection = connections.add(stream);
    if (connection !== undefined) server.emit("connection", connection);
  };
  for (let lacking = false;;) {
    const next = accept(listener);
    try {
      stop.throwIfAborted();
      connect(await waitUnlessAborted(stop, next));
      lacking = false;
    } catch (error) {
      if (stop.aborted) {
        await takeLast(listener, next, connect).catch(() => {});
        break;
      }
      if (!lacking) log.error("Cannot accept connections; trying again", { error: String(error) });
      lacking = true;
      connections.endIdle();
      await pause(BREATH);
    }
  }
  await connections.endAnswered();
  await Promise.all(running);
  await connections.end();
}

/** The next connection. A client that has reset its own before it was accepted is not waited for. */
async function accept(listener: Deno.TcpListener): Promise<Deno.TcpConn> {
  for (;;) {
    try {
      return await listener.accept();
    } catch (error) {
      if (!GONE.some((gone) => error instanceof gone)) throw error;
    }
  }
}

/**
 * Takes the connections that wait to be accepted, then stops listening: whoever has connected has
 * sent a request, and the system would reset the connection without a word.
 */
async function takeLast(
  listener: Deno.TcpListener,
  first: Promise<Deno.TcpConn>,
  take: (stream: Deno.TcpConn) => void,
): Promise<void> {
  const begun = performance.now();
  for (let next = first;; next = accept(listener)) {
    // Where new ones come all the time, the shortest pause will do.
    const quiet = performance.now() - begun < LAST ? QUIET : 1;
    // The second pause: after a busy moment, time is up before the system has been asked again.
    const silence = pause(quiet).then(() => pause(1));
    const stream = await Promise.race([next, silence]);
    if (stream === undefined) {
      listener.close();
      await next.then(take, () => {});
      return;
    }
    take(stream);
  }
}

/** The connections that are open. */
class Connections {
  readonly #open = new Set<Connection>();
  /** Those without a request under way; the one that has waited longest is first. */
  readonly #idle = new Set<Connection>();

  constructor(private readonly limits: ConnectionLimits) {}

  /**
   * Takes a connection in. Where there are too many, one makes room that is idle or whose message
   * is slow, or it is refused.
   */
  add(stream: Deno.TcpConn): Connection | undefined {
    if (this.#open.size >= this.limits.most) {
      const [first = this.#slowest()] = this.#idle;
      if (first === undefined) {
        stream.close();
        return undefined;
      }
      first.destroy();
    }
    const connection = new Connection(stream, this.limits, this.#idle);
    this.#open.add(connection);
    connection.once("close", () => this.#open.delete(connection));
    return connection;
  }

  #slowest(): Connection | undefined {
    let slowest: Connection | undefined;
    let since = performance.now() - SLOW;
    for (const connection of this.#open) {
      if (connection.receiving > since) continue;
      slowest = connection;
      since = connection.receiving;
    }
    return slowest;
  }

  /** Ends every connection that has no request under way. */
  endIdle(): void {
    for (const connection of this.#idle) connection.destroy();
  }

  /** Ends those without a request under way; new ones are given a moment for their first. */
  async endAnswered(): Promise<void> {
    const isNew = ({ asked }: Connection) => !asked;
    for (const connection of this.#idle) if (!isNew(connection)) connection.destroy();
    for (let waited = 0; waited < LAST && this.#idle.values().some(isNew); waited += 10) {
      await pause(10);
    }
    this.endIdle();
  }

  /** Ends all, those last that still send what nobody wants. */
  async end(): Promise<void> {
    this.endIdle();
    for (let waited = 0; this.#open.size > 0 && waited < BREATH; waited += 10) await pause(10);
    for (const connection of this.#open) connection.destroy();
  }
}

/** A connection as `node:http` reads and writes it. */
class Connection extends Duplex {
  readonly #buffer = new Uint8Array(64 * 1024);
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Whether a request has come on it. */
  asked = false;
  /** When its last answer was given. */
  #ended: number | undefined;
  /** The requests that wait for those before them to be answered. */
  #waiting = 0;
  #answered: Promise<void> = Promise.resolve();
  /** The last request, and when the one before it is answered. */
  #last: IncomingMessage | undefined;
  #before: Promise<void> = Promise.resolve();
  /** When the request whose turn it is had its turn. */
  #begun = 0;
  /** Reads on, where too many wait. */
  #readOn: (() => void) | undefined;

  constructor(
    private readonly stream: Deno.TcpConn,
    private readonly limits: ConnectionLimits,
    private readonly idle: Set<Connection>,
  ) {
    super();
    // A client that is gone without a word is noticed by the system.
    stream.setKeepAlive(true);
    stream.setNoDelay(true);
    this.#wait();
  }

  /**
   * The head of a request is there: the connection lasts until it is answered, which is after those
   * before it. None is looked at that comes after an answer which ends the connection: nobody would
   * hear what became of it.
   */
  answer(
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    handle: () => Promise<void>,
  ): Promise<void> {
    clearTimeout(this.#timer);
    this.#last = incoming;
    this.#before = this.#answered;
    this.asked = true;
    this.idle.delete(this);
    this.#waiting += 1;
    this.#answered = this.#answered.then(async () => {
      this.#waiting -= 1;
      this.#begun = performance.now();
      this.#readOn?.();
      if (this.destroyed || this.writableEnded) return;
      outgoing.once("close", () => {
        if (this.#waiting === 0 && !this.destroyed && !this.writableEnded) this.#wait();
      });
      await handle().catch(() => this.destroy());
    });
    return this.#answered;
  }

  /** What has come is no request: it is refused when those before it are answered. */
  refuse(status: 400 | 431): void {
    // The parser that listens belongs to the next connection now.
    this.removeAllListeners("data").removeAllListeners("end").pause();
    const broken = this.#last?.complete === false;
    // Who sends no more is gone.
    if (this.readableEnded && !(broken ? this.#waiting === 0 : this.idle.has(this))) {
      this.destroy();
      return;
    }
    (broken ? this.#before : this.#answered).then(() => {
      if (this.destroyed || this.writableEnded) return;
      this.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\n\r\n`);
      this.resume();
    });
  }

  /** Since when no more than the rest of a message is waited for, or of what nobody wants. */
  get receiving(): number {
    if (this.#ended !== undefined) return this.#ended;
    return this.#waiting === 0 && this.#last?.complete === false ? this.#begun : Infinity;
  }

  #wait(): void {
    this.idle.add(this);
    this.#endAfter(this.limits.quiet);
  }

  #endAfter(milliseconds: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.destroy(), milliseconds);
  }

  override _read(): void {
    this.#readOn = undefined;
    if (this.#waiting > MOST_WAITING) {
      this.#readOn = () => this._read();
      return;
    }
    this.stream.read(this.#buffer).then(
      (count) => {
        if (this.#ended !== undefined && performance.now() - this.#ended < LINGER.whole) {
          this.#endAfter(LINGER.part);
        }
        this.push(count === null ? null : this.#buffer.slice(0, count));
      },
      () => this.destroy(),
    );
  }

  override _write(
    chunk: Uint8Array,
    _encoding: string,
    done: (error?: Error | null) => void,
  ): void {
    const late = setTimeout(() => this.destroy(), this.limits.unread);
    writeAll(this.stream, chunk).then(() => done(), done).finally(() => clearTimeout(late));
  }

  /** The parts of an answer go out together: the head, and the pieces that a chunk is made of. */
  override _writev(
    parts: readonly { readonly chunk: Uint8Array }[],
    done: (error?: Error | null) => void,
  ): void {
    this._write(Buffer.concat(parts.map(({ chunk }) => chunk)), "buffer", done);
  }

  /** What the client still sends is read for a while: its answer would be lost in a reset. */
  override _final(done: (error?: Error | null) => void): void {
    this.#ended = performance.now();
    this.#endAfter(LINGER.part);
    this.stream.closeWrite().then(() => done(), () => done());
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearTimeout(this.#timer);
    this.idle.delete(this);
    this.stream.close();
    done(error);
  }
}

async function writeAll(stream: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await stream.write(rest));
}

async function handle({ incoming, outgoing, invite, answer, kept, log }: {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  /** Called when the body is read: a client may wait for it before it sends one. */
  readonly invite: () => void;
  readonly answer: Answer;
  /** Whether the connection may be used again. */
  readonly kept: () => boolean;
  readonly log: Log;
}): Promise<void> {
  const gone = new AbortController();
  const closed = new Promise<void>((resolve) => outgoing.once("close", resolve));
  closed.then(() => {
    if (!outgoing.writableFinished) gone.abort();
  });
  const reply = async (response: Response) => {
    // Whether a client still sends the body that it has announced is not known: what comes next
    // could be that, or a request.
    if (!kept() || !incoming.complete) outgoing.shouldKeepAlive = false;
    await send(response, outgoing, closed);
  };
  const chunks: AsyncIterator<Uint8Array> = incoming[Symbol.asyncIterator]();
  let invited = false;
  let [parts, bytes] = [0, 0];
  const next = async () => {
    if (!invited) invite();
    invited = true;
    if (parts > SMALL.parts && bytes < parts * SMALL.bytes) {
      throw new Error("The body comes in too many parts.");
    }
    const { value, done } = await chunks.next();
    if (done === true) return undefined;
    parts += 1;
    bytes += value.length;
    return value;
  };
  try {
    const request = readHead(incoming, gone.signal);
    await reply(request instanceof Response ? request : await answer(request, next));
  } catch (error) {
    if (gone.signal.aborted) return;
    log.error("Request failed", { error: String(error) });
    if (outgoing.headersSent) outgoing.destroy();
    else await reply(new Response("Internal error\n", { status: 500 }));
  }
  // Nobody else reads what is left of the body, and the client may read its answer only afterwards.
  const rest = (async () => {
    invited = true;
    while (await next() !== undefined);
  })();
  rest.catch(() => {});
  await closed;
}

/** After which time a head goes out without the first part of its stream, in milliseconds. */
const HEAD_ALONE = 20;

/** `closed` resolves when the client has all of the answer, or is gone. */
async function send(
  response: Response,
  outgoing: ServerResponse,
  closed: Promise<void>,
): Promise<void> {
  outgoing.statusCode = response.status;
  outgoing.setHeaders(response.headers);
  const streamed = response.headers.get("content-type")?.startsWith("text/event-stream") === true;
  if (response.body === null || !streamed) {
    // Given at once, the body is sent with its length.
    outgoing.end(await response.bytes());
    return;
  }
  const waiting = setTimeout(() => outgoing.flushHeaders(), HEAD_ALONE);
  const parts = response.body.getReader();
  // Whoever makes the stream hears that its reader is gone.
  closed.then(() => parts.cancel()).catch(() => {});
  try {
    for (let part = await parts.read(); !part.done; part = await parts.read()) {
      clearTimeout(waiting);
      if (!outgoing.write(part.value)) {
        await Promise.race([closed, new Promise((resolve) => outgoing.once("drain", resolve))]);
      }
    }
    outgoing.end();
  } finally {
    clearTimeout(waiting);
  }
}
