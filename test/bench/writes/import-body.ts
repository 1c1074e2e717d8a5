import type { Vectors } from '../ann/vectors.ts';
import { vectorAt } from '../ann/vectors.ts';

/** The kinds of bodies that an import takes. */
export const MEDIA_TYPES = { ndjson: 'application/x-ndjson' } as const;

export type BodyKind = keyof typeof MEDIA_TYPES;

const ROWS_AT_ONCE = 200;

/** The body of an import of all rows, in pieces that are made before any is sent. Ids are row numbers. */
export function importBody(kind: BodyKind, vectors: Vectors): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let from = 0; from < vectors.count; from += ROWS_AT_ONCE) {
    const rows = Array.from({ length: Math.min(ROWS_AT_ONCE, vectors.count - from) }, (_, at) => from + at);
    pieces.push(BODIES[kind](vectors, rows));
  }
  return pieces;
}

const BODIES: Readonly<Record<BodyKind, (vectors: Vectors, rows: readonly number[]) => Uint8Array>> = {
  ndjson: (vectors, rows) =>
    Buffer.from(rows.map((row) => `${JSON.stringify({ id: String(row), values: Array.from(vectorAt(vectors, row)) })}\n`).join('')),
};
