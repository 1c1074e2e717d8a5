import type { IndexField, IndexFields } from '../../contract/indexes/index-fields.ts';
import type { Analyser } from '../analysis/analyser.ts';
import { analyserOf } from '../analysis/analyser.ts';

/** A text field under the number that its postings have. */
export interface KnownTextField {
  readonly kind: 'text';
  readonly name: string;
  readonly ordinal: number;
  readonly source: 'field' | 'text';
  readonly analyser: Analyser;
}

export interface KnownSparseField {
  readonly kind: 'sparse';
  readonly name: string;
  readonly ordinal: number;
  readonly idf: boolean;
}

/** A field that has postings; multi-vectors have none. */
export type KnownField = KnownTextField | KnownSparseField;

/** Analysers of an isolate by their settings: an analyser takes some megabytes, and most fields are analysed alike. */
export class Analysers {
  readonly #made = new Map<string, Analyser>();

  of(field: Extract<IndexField, { kind: 'text' }>): Analyser {
    const key = JSON.stringify(field.analysis);
    const known = this.#made.get(key) ?? analyserOf(field.analysis);
    this.#made.delete(key);
    this.#made.set(key, known);
    const [oldest] = this.#made.keys();
    if (this.#made.size > ANALYSERS_MAX && oldest !== undefined) this.#made.delete(oldest);
    return known;
  }
}

// At some 4 MB each.
const ANALYSERS_MAX = 4;

/** The fields that have postings, numbered in the order of their definition. */
export function knownFields(fields: IndexFields, analysers: Analysers): Map<string, KnownField> {
  const known = new Map<string, KnownField>();
  for (const [ordinal, [name, field]] of Object.entries(fields).entries()) {
    if (field.kind === 'text') known.set(name, { kind: 'text', name, ordinal, source: field.source, analyser: analysers.of(field) });
    if (field.kind === 'sparse') known.set(name, { kind: 'sparse', name, ordinal, idf: field.idf });
  }
  return known;
}

/** Raised when postings that were written before may be wrong, or are read otherwise. 2: those of rows removed behind a rewritten segment stayed. 3: shorter terms. */
const POSTINGS_VERSION = 3;

/** Identifies the postings that rows get of these fields: others are built anew. */
export const postingsVersion = (known: ReadonlyMap<string, KnownField>): string =>
  JSON.stringify([
    POSTINGS_VERSION,
    ...[...known.values()].map((field) => (field.kind === 'text' ? [field.name, field.source, field.analyser.version] : [field.name])),
  ]);
