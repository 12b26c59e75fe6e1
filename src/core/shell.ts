/** A word of a command to paste: in quotes where a shell would take it for several, or for more. */
export function shellWord(text: string): string {
  if (/^[\p{L}\p{N}@%+=:,./\\_-]+$/u.test(text)) return text;
  return /[$`"!]/.test(text) ? `'${text.replaceAll("'", `'\\''`)}'` : `"${text}"`;
}
