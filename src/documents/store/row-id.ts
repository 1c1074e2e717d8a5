/** A row of the index that holds a chunk: the chunk, and the try that made the row. */
export interface RowName {
  /** The id of the document. */
  readonly document: string;
  readonly chunk: string;
  readonly version: number;
}

/** The id of a row: no two rows that there ever are have the same, so that a late deletion never takes one that was made since. [DC53] */
export const rowIdOf = ({ document, chunk, version }: RowName): string => `${document}#${chunk}.${version.toString(36)}`;

const ROW_ID = /^(?<document>.+)#(?<chunk>[0-9a-f]{32})\.(?<version>[0-9a-z]{1,11})$/su;

/** Undefined: it is the id of no such row. */
export function rowNameOf(id: string): RowName | undefined {
  const groups = ROW_ID.exec(id)?.groups;
  if (groups === undefined) return undefined;
  const { document = '', chunk = '', version = '' } = groups;
  return { document, chunk, version: Number.parseInt(version, 36) };
}
