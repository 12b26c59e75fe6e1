/** How long anything is waited for before a test fails instead of hanging, in milliseconds. */
const PATIENCE = 60_000;

/** What a process printed so far, with a way to wait for more of it. */
export class Feed {
  /** Everything so far. */
  text = "";
  /** The stream is over. */
  ended = false;
  /** Resolves when the stream is over. */
  readonly done: Promise<void>;
  readonly #reader: ReadableStreamDefaultReader<string>;
  #wake = Promise.withResolvers<void>();

  /** Starts reading at once. */
  constructor(stream: ReadableStream<Uint8Array<ArrayBuffer>>) {
    this.#reader = stream.pipeThrough(new TextDecoderStream()).getReader();
    this.done = this.#pump();
  }

  /**
   * Waits until `find` returns a value for the text so far.
   *
   * @throws Error with the text when the stream ends or the time is over without one.
   */
  async until<T>(find: (text: string) => T | undefined): Promise<T> {
    const late = Promise.withResolvers<void>();
    let waiting = true;
    const timer = setTimeout(() => {
      waiting = false;
      late.resolve();
    }, PATIENCE);
    try {
      while (true) {
        const found = find(this.text);
        if (found !== undefined) return found;
        if (this.ended) throw new Error(`It ended without what was waited for:\n${this.text}`);
        if (!waiting) throw new Error(`What was waited for did not come:\n${this.text}`);
        await Promise.race([this.#wake.promise, late.promise]);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** The complete lines so far. */
  lines(): string[] {
    return this.text.split("\n").slice(0, -1);
  }

  /** Stops reading, as a reader that goes away does. */
  async close(): Promise<void> {
    await this.#reader.cancel();
    await this.done;
  }

  async #pump(): Promise<void> {
    try {
      for (let part = await this.#reader.read(); !part.done; part = await this.#reader.read()) {
        this.text += part.value;
        this.#notify();
      }
    } finally {
      this.ended = true;
      this.#notify();
    }
  }

  #notify(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers<void>();
  }
}

/** A running process with its three streams. Disposing of it ends it. */
export class Running implements AsyncDisposable {
  /** What it printed. */
  readonly stdout: Feed;
  /** What it logged. */
  readonly stderr: Feed;
  readonly #child: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  #open = true;
  #running = true;
  #status: Promise<Deno.CommandStatus>;

  /** Takes over a process whose three streams are pipes. */
  constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#stdin = child.stdin.getWriter();
    this.stdout = new Feed(child.stdout);
    this.stderr = new Feed(child.stderr);
    this.#status = child.status.finally(() => this.#running = false);
  }

  /** Its process id. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Writes to its standard input. */
  async write(content: string | Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#stdin.write(
      typeof content === "string" ? new TextEncoder().encode(content) : content,
    );
  }

  /** Ends its standard input. */
  async end(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await this.#stdin.close().catch(() => {});
  }

  /** Sends it a signal. */
  signal(name: Deno.Signal): void {
    this.#child.kill(name);
  }

  /** Waits for its end; then everything that it printed has been read. */
  async status(): Promise<Deno.CommandStatus> {
    const late = Promise.withResolvers<"late">();
    const timer = setTimeout(() => late.resolve("late"), PATIENCE);
    try {
      const status = await Promise.race([this.#status, late.promise]);
      if (status === "late") throw new Error(`It did not end:\n${this.stderr.text}`);
      await Promise.allSettled([this.stdout.done, this.stderr.done]);
      return status;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends the process if it has not ended, and releases its streams. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#running) this.#child.kill("SIGKILL");
    await this.#status;
    await this.end();
    await Promise.allSettled([this.stdout.done, this.stderr.done]);
  }
}
