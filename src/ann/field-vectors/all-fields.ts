import type { Outcome } from '../../contract/api/outcome.ts';
import type { IndexField, IndexFields } from '../../contract/indexes/index-fields.ts';
import { ok } from '../../kernel/result.ts';
import type { Steps } from '../../kernel/stepped-work.ts';
import type {
  CountedSearch,
  FieldHighlight,
  FieldMatches,
  FieldSearch,
  Fragment,
  PostingsFields,
  PostingsQuery,
  RowContents,
  RowFields,
  TermStatistics,
  VectorFieldQuery,
} from '../row-fields.ts';
import type { VectorPlace } from '../stored-vector.ts';
import type { VectorFields } from './vector-fields.ts';

/** The fields of rows: those that have postings, and those of vectors. */
export class AllFields implements RowFields {
  readonly #postings: PostingsFields;
  readonly #vectors: VectorFields;
  // Whose turn it is in the background: one that always has something to do must not keep the other waiting.
  #isVectorsTurn = false;

  constructor(postings: PostingsFields, vectors: VectorFields) {
    this.#postings = postings;
    this.#vectors = vectors;
  }

  define(fields: IndexFields): void {
    // A change of some must not have the others built anew.
    this.#postings.define(fieldsThat(fields, ({ kind }) => kind !== 'vector'));
    this.#vectors.define(fields);
  }

  put(rows: readonly RowContents[]): void {
    this.#postings.put(rows);
    this.#vectors.put(rows);
  }

  remove(places: readonly VectorPlace[]): void {
    this.#postings.remove(places);
    this.#vectors.remove(places);
  }

  clear(): void {
    this.#postings.clear();
    this.#vectors.clear();
  }

  *search(search: FieldSearch): Steps<Outcome<FieldMatches>> {
    const { query } = search;
    return isOfVector(query) ? this.#vectors.search({ ...search, query }) : yield* this.#postings.search({ ...search, query });
  }

  /** Of vectors, none are needed. */
  *statistics(search: CountedSearch): Steps<Outcome<TermStatistics>> {
    const { query } = search;
    return isOfVector(query) ? ok({ fields: [], terms: [] }) : yield* this.#postings.statistics({ ...search, query });
  }

  highlight(rows: Iterable<RowContents>, asked: FieldHighlight): Steps<Outcome<Readonly<Record<string, readonly Fragment[]>>[]>> {
    return this.#postings.highlight(rows, asked);
  }

  sweep(): boolean {
    this.#isVectorsTurn = !this.#isVectorsTurn;
    return this.#isVectorsTurn ? this.#vectors.sweep() || this.#postings.sweep() : this.#postings.sweep() || this.#vectors.sweep();
  }

  get isSweepDue(): boolean {
    return this.#postings.isSweepDue || this.#vectors.isSweepDue;
  }

  evict(): void {
    this.#postings.evict();
    this.#vectors.evict();
  }

  get bytes(): number {
    return this.#postings.bytes + this.#vectors.bytes;
  }
}

const isOfVector = (query: PostingsQuery | VectorFieldQuery): query is VectorFieldQuery => query.kind === 'vector';

const fieldsThat = (fields: IndexFields, holds: (field: IndexField) => boolean): IndexFields =>
  Object.fromEntries(Object.entries(fields).filter(([, field]) => holds(field)));
