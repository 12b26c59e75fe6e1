/** The first `most` of some names, with a mark where there are more: `a, b, …`. */
export function someOf(names: readonly string[], most: number): string {
  return `${names.slice(0, most).join(", ")}${names.length > most ? ", …" : ""}`;
}
