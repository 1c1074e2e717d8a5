import type { Plan, PlanResult } from './plan-types.ts';
import type { CallOptions, ClientOptions, Reply } from './transport.ts';
import { Transport } from './transport.ts';
import type {
  Deleted,
  Deletion,
  EmbeddingOptions,
  FetchOptions,
  IndexDescription,
  NewIndex,
  NewVector,
  Purge,
  PurgeReceipt,
  Search,
  SearchResult,
  StoredVector,
  Upserted,
  UpsertTerms,
  Vector,
} from './wire-types.ts';

export { SluiceError } from './sluice-error.ts';
export type { CallOptions, ClientOptions } from './transport.ts';
export type * from './plan-types.ts';
export type * from './wire-types.ts';

/** Vectors of one slice of a long upsert, and the bytes of their numbers: an upsert is one transaction up to there. */
const SLICE_VECTORS = 1_000;
const SLICE_BYTES = 4 * 1024 * 1024;

/** A client of the HTTP API for Node and browsers. Vectors travel as frames of float32; refusals are thrown as `SluiceError`. */
export class SluiceClient {
  readonly #transport: Transport;

  constructor(options: ClientOptions) {
    this.#transport = new Transport(options);
  }

  /** One vector of each text, in their order. */
  async embed(input: readonly string[], embedding: EmbeddingOptions, options: CallOptions = {}): Promise<Float32Array[]> {
    const { value, row } = await this.#transport.call<{ readonly data: readonly { readonly embedding: unknown }[] }>('createEmbeddings', {
      ...options,
      body: { ...embedding, input },
      wantsRows: true,
    });
    return value.data.map((item) => row(item.embedding));
  }

  async createIndex(index: NewIndex, options: CallOptions = {}): Promise<IndexDescription> {
    return (await this.#transport.call<IndexDescription>('createIndex', { ...keyed(options), body: index })).value;
  }

  async deleteIndex(name: string, options: CallOptions = {}): Promise<void> {
    await this.#transport.call('deleteIndex', { ...options, params: { index: name } });
  }

  /** Purges cached embeddings and search results; answers once the purge holds, unless asked not to wait. */
  async purge(selection: Purge, options: CallOptions = {}): Promise<PurgeReceipt> {
    return (await this.#transport.call<PurgeReceipt>('purgeCache', { ...keyed(options), body: selection })).value;
  }

  /** The vectors of an index, by its name or an alias. Nothing is called. */
  index(name: string): IndexClient {
    return new IndexClient(this.#transport, name);
  }
}

/** Writes, searches, reads and deletes the vectors of one index. */
export class IndexClient {
  readonly #transport: Transport;
  readonly #params: { readonly index: string };

  constructor(transport: Transport, name: string) {
    this.#transport = transport;
    this.#params = { index: name };
  }

  async query(search: Search, options: CallOptions = {}): Promise<SearchResult> {
    const { items, rows } = named([search], 'vector');
    const sent = { ...options, params: this.#params, body: items[0], rows, wantsRows: search.include_values === true };
    return withFloats(await this.#transport.call<SearchResult>('queryVectors', sent), ({ matches }) => matches);
  }

  /** Up to 100 searches in one call, answered in their order. */
  async queryAll(searches: readonly Search[], options: CallOptions = {}): Promise<SearchResult[]> {
    const { items, rows } = named(searches, 'vector');
    const wantsRows = searches.some((search) => search.include_values === true);
    const sent = { ...options, params: this.#params, body: { searches: items }, rows, wantsRows };
    const reply = await this.#transport.call<{ readonly results: SearchResult[] }>('queryVectorsBatch', sent);
    return withFloats(reply, ({ results }) => results.flatMap(({ matches }) => matches)).results;
  }

  /** By vectors, words, sparse vectors and ids at once. */
  async search(plan: Plan, options: CallOptions = {}): Promise<PlanResult> {
    const sent = { ...options, params: this.#params, body: plan, wantsRows: plan.include_values === true };
    return withFloats(await this.#transport.call<PlanResult>('searchIndex', sent), ({ matches }) => matches);
  }

  /** Up to 100 plans in one call, answered in their order. */
  async searchAll(plans: readonly Plan[], options: CallOptions = {}): Promise<PlanResult[]> {
    const wantsRows = plans.some((plan) => plan.include_values === true);
    const sent = { ...options, params: this.#params, body: { searches: plans }, wantsRows };
    const reply = await this.#transport.call<{ readonly results: PlanResult[] }>('searchIndexBatch', sent);
    return withFloats(reply, ({ results }) => results.flatMap(({ matches }) => matches)).results;
  }

  /** All or nothing, up to 1,000 vectors; more are written in slices. With `truncate: 'end'` texts that are too long are cut, and counted in the answer. */
  async upsert(vectors: readonly NewVector[], options: CallOptions & UpsertTerms = {}): Promise<Upserted> {
    const { model, truncate, ...rest } = options;
    const { items, rows } = named(vectors, 'values');
    const body = { vectors: items, ...(model === undefined ? {} : { model }), ...(truncate === undefined ? {} : { truncate }) };
    return (await this.#transport.call<Upserted>('upsertVectors', { ...keyed(rest), params: this.#params, body, rows })).value;
  }

  /**
   * Any number of vectors, slice after slice in their order; yields after each how many are written. Under an idempotency key, the same
   * vectors are written once, however often this is repeated.
   */
  async *import(vectors: Iterable<NewVector> | AsyncIterable<NewVector>, options: CallOptions = {}): AsyncGenerator<number, void> {
    const { idempotencyKey = newKey(), ...rest } = options;
    let [slice, written, number]: [NewVector[], number, number] = [[], 0, 0];
    const write = async (): Promise<number> => {
      await this.upsert(slice, { ...rest, idempotencyKey: `${idempotencyKey}-${number}` });
      [written, number, slice] = [written + slice.length, number + 1, []];
      return written;
    };
    for await (const vector of vectors) {
      slice.push(vector);
      if (slice.length >= sliceSize(vector.values)) yield await write();
    }
    if (slice.length > 0) yield await write();
  }

  /** In the order asked for; ids that are not there are left out. */
  async fetch(ids: readonly string[], asked: FetchOptions = {}, options: CallOptions = {}): Promise<StoredVector[]> {
    const body = { ...asked, ids };
    const sent = { ...options, params: this.#params, body, wantsRows: asked.include_values !== false };
    const reply = await this.#transport.call<{ readonly vectors: StoredVector[] }>('fetchVectors', sent);
    return withFloats(reply, ({ vectors }) => vectors).vectors;
  }

  async delete(selection: Deletion, options: CallOptions = {}): Promise<Deleted> {
    return (await this.#transport.call<Deleted>('deleteVectors', { ...options, params: this.#params, body: selection })).value;
  }
}

/** 128 random bits. `crypto.randomUUID` is only where a page came by https or from its own machine. */
const newKey = (): string => Array.from(crypto.getRandomValues(new Uint32Array(4)), (word) => word.toString(16).padStart(8, '0')).join('');

const keyed = ({ idempotencyKey = newKey(), ...options }: CallOptions): CallOptions => ({ ...options, idempotencyKey });

const sliceSize = (values: Vector | null | undefined): number =>
  Math.max(1, Math.min(SLICE_VECTORS, Math.floor(SLICE_BYTES / (4 * (values?.length ?? 1)))));

/** Items whose vectors are named by the numbers of their rows. */
function named<T extends object>(items: readonly T[], field: keyof T): { readonly items: object[]; readonly rows: Vector[] } {
  const rows: Vector[] = [];
  const sent = items.map((item) =>
    item[field] === undefined || item[field] === null ? item : { ...item, [field]: rows.push(item[field] as Vector) - 1 },
  );
  return { items: sent, rows };
}

/** The answer, in which vectors are numbers again. */
function withFloats<T>({ value, row }: Reply<T>, itemsOf: (value: T) => readonly { values?: Float32Array | null }[]): T {
  for (const item of itemsOf(value)) if (item.values !== undefined && item.values !== null) item.values = row(item.values);
  return value;
}
