/**
 * Span and trace ids as hexadecimal text.
 *
 * @module
 */

const BASE64 = /^[A-Za-z0-9+/_-]+={0,2}$/;

/**
 * An OpenTelemetry id as lower-case hex: 16 digits for a span, 32 for a trace.
 *
 * Accepts what MLflow has written over time: base64, hex, hex after `0x`, and trace ids after
 * `tr-`. Null for no id (empty, or all zero); other text comes back as it is.
 */
export function hexId(id: string | null | undefined, bytes: 8 | 16): string | null {
  if (id === null || id === undefined || id === "") return null;
  const digits = bytes * 2;
  const bare = id.replace(/^(?:0x|tr-)/, "");
  if (/^[0-9a-f]+$/i.test(bare) && (bare.length === digits || id.startsWith("0x"))) {
    return orNull(bare.toLowerCase().padStart(digits, "0"));
  }
  return orNull(decodeBase64(id, bytes) ?? id);
}

function orNull(hex: string): string | null {
  return /^0+$/.test(hex) ? null : hex;
}

function decodeBase64(id: string, bytes: number): string | undefined {
  if (!BASE64.test(id) || id.replace(/=+$/, "").length !== Math.ceil(bytes * 4 / 3)) {
    return undefined;
  }
  try {
    const decoded = Uint8Array.fromBase64(id.replaceAll("-", "+").replaceAll("_", "/"));
    return decoded.length === bytes ? decoded.toHex() : undefined;
  } catch {
    return undefined;
  }
}
