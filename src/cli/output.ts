const encoder = new TextEncoder();

/** Writes text to standard output; a reader that has gone away is not an error. */
export function print(text: string): void {
  write(Deno.stdout, encoder.encode(`${text}\n`));
}

/** Writes bytes to standard output. */
export function printBytes(bytes: Uint8Array): void {
  write(Deno.stdout, bytes);
}

/** Writes text to standard error. */
export function printError(text: string): void {
  write(Deno.stderr, encoder.encode(text));
}

function write(stream: { writeSync(bytes: Uint8Array): number }, bytes: Uint8Array): void {
  try {
    while (bytes.length > 0) bytes = bytes.subarray(stream.writeSync(bytes));
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}
