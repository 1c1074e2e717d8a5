import type {
  Fragment,
  FieldHighlight,
  FieldMatches,
  FieldRows,
  FieldSearch,
  RowContents,
  RowFields,
  RowSource,
  TermStatistics,
} from '../../../src/ann/row-fields.ts';
import { refuse } from '../../../src/contract/api/outcome.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import type { IndexFields } from '../../../src/contract/indexes/index-fields.ts';
import type { TextQuery } from '../../../src/contract/vectors/text-query.ts';
import { ok } from '../../../src/kernel/result.ts';
import type { Steps } from '../../../src/kernel/stepped-work.ts';

type Asked = Pick<FieldSearch, 'query' | 'namespace' | 'among'>;

/** Fields by plain scans of the stored rows: words between spaces, every row scored by the textbook. Keeps nothing, so it follows the store. */
export class ExhaustiveFields implements RowFields {
  readonly isSweepDue = false;
  readonly bytes = 0;
  readonly #rows: RowSource;
  #fields: IndexFields = {};

  constructor(rows: RowSource) {
    this.#rows = rows;
  }

  define(fields: IndexFields): void {
    this.#fields = fields;
  }

  put(): void {}
  remove(): void {}
  clear(): void {}
  evict(): void {}

  sweep(): boolean {
    return false;
  }

  *search({ topK, statistics, ...asked }: FieldSearch): Steps<Outcome<FieldMatches>> {
    const counted = yield* this.statistics({ ...asked, among: undefined });
    if (!counted.ok) return counted;
    const rows = this.#live(asked.namespace, asked.among);
    const ids = new Map(this.#rows.idsOf(rows.map(({ row }) => row)).map(({ row, id }) => [row, id]));
    const found = rows
      .map((row) => ({ row: row.row, id: ids.get(row.row) ?? '', score: this.#score(row, asked, statistics) }))
      .filter(({ score }) => score !== 0)
      .sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1))
      .slice(0, topK);
    const work = { postings: rows.length, postingsRead: rows.length, scored: rows.length };
    return ok({ rows: found.map(({ row }) => row), scores: found.map(({ score }) => score), work });
  }

  *statistics({ query, namespace, among }: Asked): Steps<Outcome<TermStatistics>> {
    yield undefined;
    if (query.kind !== 'text') return ok({ fields: [], terms: [] });
    const unknown = query.fields.find(({ name }) => !(name in this.#fields));
    if (unknown !== undefined) return refuse('invalid_value', 'is no field of the index', ['fields', unknown.name]);
    const rows = this.#live(namespace, among);
    const fields = query.fields.map(({ name }) => {
      const lengths = rows.map((row) => this.#words(row, name).length).filter((length) => length > 0);
      return { name, documents: lengths.length, totalLength: lengths.reduce((sum, length) => sum + length, 0) };
    });
    const terms = query.fields.flatMap(({ name }) =>
      [...new Set(wordsOf(plain(query.query)))].map((term) => ({
        field: name,
        term,
        documents: rows.filter((row) => this.#words(row, name).includes(term)).length,
      })),
    );
    return ok({ fields, terms });
  }

  *highlight(rows: Iterable<RowContents>, { query, fields }: FieldHighlight): Steps<Outcome<Record<string, readonly Fragment[]>[]>> {
    yield undefined;
    const words = new Set(wordsOf(plain(query)));
    const fragmentsOf = (row: RowContents, name: string) =>
      this.#words(row, name)
        .filter((word) => words.has(word))
        .map((word) => ({ start: this.#text(row, name).indexOf(word), text: word, matches: [{ begin: 0, end: word.length }] }));
    return ok([...rows].map((row) => Object.fromEntries(fields.map((name) => [name, fragmentsOf(row, name)]))));
  }

  #score(row: RowContents, { query }: Asked, { fields, terms }: TermStatistics): number {
    if (query.kind !== 'text') return 0;
    let score = 0;
    for (const { name, weight } of query.fields) {
      const counts = fields.find((field) => field.name === name);
      const words = this.#words(row, name);
      for (const { field, term, documents } of terms) {
        const frequency = words.filter((word) => word === term).length;
        if (field !== name || frequency === 0 || counts === undefined) continue;
        const idf = Math.log(1 + (counts.documents - documents + 0.5) / (documents + 0.5));
        const length = (words.length * counts.documents) / counts.totalLength;
        score += (weight * idf * frequency * (query.k1 + 1)) / (frequency + query.k1 * (1 - query.b + query.b * length));
      }
    }
    return score;
  }

  #live(namespace: number, among: FieldRows | undefined): RowContents[] {
    return this.#rows.contentsBehind(0, 1_000_000, Infinity).filter((row) => row.namespace === namespace && (among?.has(row.row) ?? true));
  }

  #words(row: RowContents, name: string): string[] {
    return wordsOf(this.#text(row, name));
  }

  #text({ contents, text }: RowContents, name: string): string {
    const field = this.#fields[name];
    if (field?.kind === 'text' && field.source === 'text') return text ?? '';
    return ((JSON.parse(contents ?? '{}') as Record<string, string>)[name] ?? '').toLowerCase();
  }
}

/** It knows no other queries. */
function plain(query: TextQuery): string {
  if (typeof query !== 'string') throw new Error('the oracle takes strings');
  return query;
}

const wordsOf = (text: string): string[] => text.split(' ').filter((word) => word !== '');
