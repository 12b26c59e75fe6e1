/**
 * GraphQL documents of ours. Each is one exported string constant, which a test validates. A line that ends in `# optional` holds a field that older
 * servers lack and that can go without breaking the document.
 *
 * @module
 */

/** A field that the server does not know, as it names it. */
export interface UnknownField {
  readonly type: string;
  readonly field: string;
}

/** Fields, and arguments of fields, that the server's messages say it does not know. */
export function unknownFields(messages: readonly string[]): UnknownField[] {
  return messages.flatMap((message) => {
    const field = /Cannot query field "(\w+)" on type "(\w+)"/.exec(message);
    if (field !== null) return [{ type: field[2] ?? "", field: field[1] ?? "" }];
    const argument = /Unknown argument "\w+" on field "(?:(\w+)\.)?(\w+)"(?: of type "(\w+)")?/
      .exec(message);
    if (argument === null) return [];
    return [{ type: argument[1] ?? argument[3] ?? "", field: argument[2] ?? "" }];
  });
}

/** The document without its optional lines that hold one of these fields. */
export function withoutFields(document: string, fields: readonly UnknownField[]): string {
  if (fields.length === 0) return document;
  return document.split("\n").filter((line) => {
    const optional = /^(.*)#\s*optional\s*$/.exec(line)?.[1];
    const words: readonly string[] = optional?.match(/\w+/g) ?? [];
    return !fields.some(({ field }) => words.includes(field));
  }).join("\n");
}

/** The document as it is sent: without comments and needless white space. */
export function compact(document: string): string {
  return document.replaceAll(/#[^\n"]*$/gm, "").replaceAll(/\s+/g, " ")
    .replaceAll(/ ?([{}():,!=]) ?/g, "$1").trim();
}

/** Whether a document of ours changes something. */
export function isMutation(document: string): boolean {
  return /^\s*mutation\b/.test(document);
}
