/**
 * The certificate authorities that the environment names. The launcher reads their files; the server
 * itself reads no environment.
 *
 * @module
 */

let kept: readonly string[] = [];

/** Keeps PEM texts of authorities for {@link trustedAuthorities}. */
export function keepAuthorities(pems: readonly string[]): void {
  kept = pems;
}

/** PEM texts of the authorities that every connection trusts besides the built-in ones. */
export function trustedAuthorities(): readonly string[] {
  return kept;
}
