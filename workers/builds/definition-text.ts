/** A text, and what it is a part of. */
export interface DefinitionText {
  readonly text: string;
  /** The entry that it names or describes: its name and its description have the same. */
  readonly group: string;
  /** ISO 639; absent: English. */
  readonly language?: string;
}

/** A term by itself, and with its definition. */
export function termTexts(group: string, term: string, definition: string | undefined): DefinitionText[] {
  const named = { text: term, group };
  return definition === undefined || definition === '' ? [named] : [named, { text: `${term}: ${definition}`, group }];
}
