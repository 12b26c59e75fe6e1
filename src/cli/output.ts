const encoder = new TextEncoder();

/** Writes all of a text to standard output; a reader that went away is no error. */
export function print(text: string): void {
  write(Deno.stdout, `${text}\n`);
}

/** Writes all of a text to standard error. */
export function printError(text: string): void {
  write(Deno.stderr, text);
}

function write(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  let bytes = encoder.encode(text);
  try {
    while (bytes.length > 0) bytes = bytes.subarray(stream.writeSync(bytes));
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}
