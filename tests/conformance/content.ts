/** One red pixel, as PNG in base64. */
export const PIXEL: string =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";

/** A WAV file without samples, in base64. */
export const SILENCE: string = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA=";

/** A text block. */
export function text(value: string): { type: "text"; text: string } {
  return { type: "text", text: value };
}

/** An image block. */
export function image(): { type: "image"; data: string; mimeType: string } {
  return { type: "image", data: PIXEL, mimeType: "image/png" };
}

/** A block with a resource in it. */
export function embedded(uri: string, mimeType: string, content: string): {
  type: "resource";
  resource: { uri: string; mimeType: string; text: string };
} {
  return { type: "resource", resource: { uri, mimeType, text: content } };
}
