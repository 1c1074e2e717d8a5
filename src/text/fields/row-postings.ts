import type { RowContents } from '../../ann/row-fields.ts';
import { TERM_USE } from '../analysis/term.ts';
import type { FieldPostings, PostedRow } from '../postings/sparse-query.ts';
import { dimensionTerm } from '../postings/term-key.ts';
import type { KnownField, KnownTextField } from './known-fields.ts';

/** What a row holds by the name of a field, as writers of `contents` leave it. */
type Contents = Readonly<Record<string, string | { readonly indices?: readonly number[]; readonly values?: readonly number[] }>>;

/** The postings of a row in every field that it has. */
export function postingsOf(row: RowContents, fields: Iterable<KnownField>): PostedRow {
  const contents = parsed(row);
  const posted: FieldPostings[] = [];
  for (const field of fields) {
    const found =
      field.kind === 'text'
        ? textPostings(field, textIn(row, contents, field))
        : sparsePostings(field.ordinal, valueIn(contents, field.name));
    if (found !== undefined) posted.push(found);
  }
  return { namespace: row.namespace, row: row.row, fields: posted };
}

/** What a row has in a text field; undefined where it has nothing. */
export const textOf = (row: RowContents, field: KnownTextField): string | undefined => textIn(row, parsed(row), field);

/** Where the terms of a text stand that phrases consist of, how often every term occurs, and how long the text is. */
export interface TermOccurrences {
  readonly counts: ReadonlyMap<string, number>;
  readonly positions: ReadonlyMap<string, readonly number[]>;
  readonly length: number;
}

export function occurrencesIn({ analyser }: KnownTextField, text: string): TermOccurrences {
  const counts = new Map<string, number>();
  const positions = new Map<string, number[]>();
  const { words } = analyser.analyse(text, (term, position, _start, _end, use) => {
    counts.set(term, (counts.get(term) ?? 0) + 1);
    if ((use & TERM_USE.chain) === 0) return;
    const known = positions.get(term);
    if (known === undefined) positions.set(term, [position]);
    else known.push(position);
  });
  return { counts, positions, length: Math.max(1, words) };
}

function textPostings(field: KnownTextField, text: string | undefined): FieldPostings | undefined {
  if (text === undefined) return undefined;
  const counts = new Map<string, number>();
  const { words } = field.analyser.analyse(text, (term) => {
    counts.set(term, (counts.get(term) ?? 0) + 1);
  });
  if (counts.size === 0) return undefined;
  return { field: field.ordinal, terms: [...counts.keys()], values: [...counts.values()], length: Math.max(1, words) };
}

function sparsePostings(field: number, value: Contents[string] | undefined): FieldPostings | undefined {
  if (typeof value !== 'object' || value.indices === undefined || value.values === undefined) return undefined;
  // As segments keep them: a flush must not change what a row scores, nor which scores are equal.
  return { field, terms: value.indices.map(dimensionTerm), values: Float32Array.from(value.values), length: undefined };
}

function textIn(row: RowContents, contents: Contents, field: KnownTextField): string | undefined {
  if (field.source === 'text') return row.text ?? undefined;
  const value = valueIn(contents, field.name);
  return typeof value === 'string' ? value : undefined;
}

const valueIn = (contents: Contents, name: string): Contents[string] | undefined =>
  Object.hasOwn(contents, name) ? contents[name] : undefined;

const parsed = ({ contents }: RowContents): Contents => (contents === null ? {} : (JSON.parse(contents) as Contents));
