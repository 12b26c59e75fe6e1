/** A service principal of Microsoft Entra. */
export interface EntraLogin {
  readonly tenantId: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Where Entra gives tokens. */
  readonly authority: URL;
}

/** Where Entra gives tokens for Azure's public cloud. */
export const PUBLIC_AUTHORITY = "https://login.microsoftonline.com";

/** The address of an authority, with or without its scheme, or the sentence that says what is wrong. */
export function readAuthority(named: string): URL | string {
  const authority = URL.parse(named.includes("://") ? named : `https://${named}`);
  return authority === null || !/^https?:$/.test(authority.protocol)
    ? `AZURE_AUTHORITY_HOST is not an address, such as ${PUBLIC_AUTHORITY}.`
    : authority;
}
