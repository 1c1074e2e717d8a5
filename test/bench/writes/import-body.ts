import { VECTOR_FRAME_TYPE, writeFrame } from '../../../src/kernel/vector-frame.ts';
import type { Vectors } from '../ann/vectors.ts';
import { vectorAt } from '../ann/vectors.ts';

/** The kinds of bodies that an import takes. */
export const MEDIA_TYPES = { ndjson: 'application/x-ndjson', frames: VECTOR_FRAME_TYPE } as const;

export type BodyKind = keyof typeof MEDIA_TYPES;

const ROWS_AT_ONCE = 1_000;

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
  frames: ({ values, dimensions }, rows) => {
    const head = { vectors: rows.map((row, at) => ({ id: String(row), values: at })) };
    const [first = 0] = rows;
    return writeFrame(head, values.slice(first * dimensions, (first + rows.length) * dimensions), dimensions);
  },
};
