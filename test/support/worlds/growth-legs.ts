import { encodeFloats } from '../../../src/ann/float32.ts';
import type { FieldQuery } from '../../../src/ann/row-fields.ts';
import { analysisSettings } from '../../../src/contract/indexes/analysis.ts';
import type { IndexFields } from '../../../src/contract/indexes/index-fields.ts';
import { toBase64 } from '../../../src/kernel/bytes.ts';

/** A text field and a sparse one whose scores depend on counts over the whole index, and vectors of which the least distance is the best. */
export const GROWTH_FIELDS: IndexFields = {
  body: { kind: 'text', analysis: analysisSettings.parse({ language: 'none', stemming: false }), weight: 1, source: 'field' },
  terms: { kind: 'sparse', idf: true, model: null },
  place: { kind: 'vector', dimensions: 3, metric: 'l2', model: null },
};

/** Which words and dimensions rows share, apart from those that all have. */
const SHARED = 7;

/** What a write puts into the fields of a row: a word and a dimension that every row has, others that some have, and a word of its own. */
export function contentsOf(serial: number): string {
  const shared = serial % SHARED;
  const body = `all ${`s${shared} `.repeat(1 + (serial % 3))}own${serial}`;
  const place = { vector: toBase64(encodeFloats(Float32Array.of(serial, shared, 1))) };
  return JSON.stringify({ body, place, terms: { indices: [0, 1 + shared], values: [0.5 + shared / 10, serial % 2 === 0 ? 0.3 : -0.2] } });
}

const BODY = { fields: [{ name: 'body', weight: 1 }], k1: 1.2, b: 0.75 } as const;

/** Legs that find every row of a namespace. */
export const LEGS_TO_ALL: readonly FieldQuery[] = [
  { kind: 'text', query: 'all s1 s3', ...BODY },
  { kind: 'text', query: { must: [{ text: 'all' }], must_not: [{ phrase: 's2 all' }], should: [{ prefix: 's' }] }, ...BODY },
  { kind: 'sparse', field: 'terms', indices: [0, 2, 5], values: [1, 0.25, -0.5] },
  { kind: 'vector', field: 'place', vector: Float32Array.of(5, 1, 0) },
];

/** A leg that finds the row of one write. */
export const legToOwn = (serial: number): FieldQuery => ({ kind: 'text', query: `own${serial}`, ...BODY });
