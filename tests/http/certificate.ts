/**
 * X.509 certificates for tests, made with the runtime's own cryptography (ECDSA on P-256, RFC 5280)
 * so that no program has to be installed for them.
 */

/** A certificate and its key. */
export interface Certificate {
  /** PEM text. */
  readonly cert: string;
  /** PEM text, PKCS #8. */
  readonly key: string;
  /** Signs others with it. */
  readonly issuer: { readonly name: string; readonly privateKey: CryptoKey };
}

/** What a certificate says. */
export interface CertificateSpec {
  /** Its subject's common name. */
  readonly name: string;
  /** Host names and IPv4 addresses that it is for. */
  readonly hosts?: readonly string[];
  /** The authority that signs it; itself when absent. */
  readonly by?: Certificate;
  /** May sign others. */
  readonly authority?: boolean;
  /** First and last moment of its validity. */
  readonly from?: Date;
  /** See `from`. */
  readonly until?: Date;
}

const DAY = 86_400_000;
const ECDSA = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

/** Makes one. */
export async function certificate(spec: CertificateSpec): Promise<Certificate> {
  const keys = await crypto.subtle.generateKey(ECDSA, true, ["sign", "verify"]);
  const issuer = spec.by?.issuer ?? { name: spec.name, privateKey: keys.privateKey };
  const algorithm = sequence(oid(1, 2, 840, 10045, 4, 3, 2));
  const body = sequence(
    tagged(0xa0, integer(new Uint8Array([2]))),
    integer(crypto.getRandomValues(new Uint8Array(12))),
    algorithm,
    named(issuer.name),
    sequence(
      time(spec.from ?? new Date(Date.now() - DAY)),
      time(spec.until ?? new Date(Date.now() + DAY)),
    ),
    named(spec.name),
    new Uint8Array(await crypto.subtle.exportKey("spki", keys.publicKey)),
    tagged(0xa3, sequence(...extensions(spec))),
  );
  const raw = new Uint8Array(await crypto.subtle.sign(ECDSA, issuer.privateKey, body));
  const signature = sequence(integer(raw.slice(0, 32)), integer(raw.slice(32)));
  const whole = sequence(body, algorithm, tagged(0x03, new Uint8Array([0]), signature));
  const pkcs8 = new Uint8Array(await crypto.subtle.exportKey("pkcs8", keys.privateKey));
  return {
    cert: pem("CERTIFICATE", whole),
    key: pem("PRIVATE KEY", pkcs8),
    issuer: { name: spec.name, privateKey: keys.privateKey },
  };
}

function extensions(spec: CertificateSpec): Uint8Array<ArrayBuffer>[] {
  const constraints = spec.authority === true ? [tagged(0x01, new Uint8Array([255]))] : [];
  const names = (spec.hosts ?? []).map((host) =>
    /^[\d.]+$/.test(host)
      ? tagged(0x87, Uint8Array.from(host.split("."), Number))
      : tagged(0x82, new TextEncoder().encode(host))
  );
  const extension = (last: number, critical: boolean, value: Uint8Array<ArrayBuffer>) =>
    sequence(
      oid(2, 5, 29, last),
      ...(critical ? [tagged(0x01, new Uint8Array([255]))] : []),
      tagged(0x04, value),
    );
  return [
    extension(19, true, sequence(...constraints)),
    ...(names.length === 0 ? [] : [extension(17, false, sequence(...names))]),
  ];
}

function tagged(
  tag: number,
  ...parts: readonly Uint8Array<ArrayBuffer>[]
): Uint8Array<ArrayBuffer> {
  const content = parts.flatMap((part) => [...part]);
  const size = content.length;
  const length = size < 128 ? [size] : size < 256 ? [0x81, size] : [0x82, size >> 8, size & 255];
  return new Uint8Array([tag, ...length, ...content]);
}

function sequence(...parts: readonly Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> {
  return tagged(0x30, ...parts);
}

/** A positive integer: no leading zeros, one where the first bit would make it negative. */
function integer(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const first = bytes.findIndex((byte) => byte !== 0);
  const significant = bytes.slice(first < 0 ? bytes.length - 1 : first);
  return (significant[0] ?? 0) > 127
    ? tagged(0x02, new Uint8Array([0, ...significant]))
    : tagged(0x02, significant);
}

function oid(first: number, second: number, ...rest: readonly number[]): Uint8Array<ArrayBuffer> {
  const bytes = [first * 40 + second];
  for (const part of rest) {
    const groups = [part & 127];
    for (let left = part >> 7; left > 0; left >>= 7) groups.unshift((left & 127) | 128);
    bytes.push(...groups);
  }
  return tagged(0x06, new Uint8Array(bytes));
}

function named(name: string): Uint8Array<ArrayBuffer> {
  const text = tagged(0x0c, new TextEncoder().encode(name));
  return sequence(tagged(0x31, sequence(oid(2, 5, 4, 3), text)));
}

function time(date: Date): Uint8Array<ArrayBuffer> {
  const text = `${date.toISOString().replaceAll(/[-:T]|\..*/g, "")}Z`;
  return tagged(0x18, new TextEncoder().encode(text));
}

function pem(label: string, bytes: Uint8Array): string {
  const lines = bytes.toBase64().match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
