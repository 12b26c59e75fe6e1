/** A part of a URL in plain characters; undefined for one with a stray percent sign. */
export function tryPercentDecoded(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}

/** A part of a URL in plain characters; one with a stray percent sign stays as it is. */
export function percentDecoded(part: string): string {
  return tryPercentDecoded(part) ?? part;
}

/** The path that a `file:` URI names, `C:/…` on Windows; undefined for any other text. */
export function fileUriPath(uri: string): string | undefined {
  const path = /^file:(?:\/\/(?:localhost)?(?=\/))?(.+)$/is.exec(uri)?.[1];
  return path === undefined ? undefined : percentDecoded(path).replace(/^\/([A-Za-z]:)/, "$1");
}
