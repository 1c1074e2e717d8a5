import type { ShardFetch, ShardFieldSearch, ShardQuery } from '../../../src/ann/shard-protocol.ts';
import { accepts } from '../../../src/ann/filter/accepts.ts';
import type { JsonValue } from '../../../src/contract/api/json-value.ts';
import { parse } from '../../../src/contract/api/parse.ts';
import type { TenantPrincipal } from '../../../src/contract/api/principal.ts';
import { vectorEndpoints } from '../../../src/contract/vectors/vectors.ts';
import { rowIdOf } from '../../../src/documents/store/row-id.ts';
import { FieldPoints } from '../../../src/gateway/vectors/field-points.ts';
import { ManifestCache } from '../../../src/gateway/indexes/manifest-cache.ts';
import { Plans } from '../../../src/gateway/vectors/plans/plans.ts';
import { Searches } from '../../../src/gateway/vectors/searches.ts';
import { VectorSpace } from '../../../src/gateway/vectors/vector-space.ts';
import type { IndexManifest } from '../../../src/index/index-manifest.ts';
import { must } from '../../../src/kernel/assert.ts';
import { ok } from '../../../src/kernel/result.ts';
import { IN_FORCE } from '../fakes/in-force.ts';
import { indexShards } from '../fakes/index-shards.ts';
import { servedRows } from '../fakes/served-rows.ts';
import { principal } from './memory-cache-world.ts';
import { planOf } from './plan-world.ts';

const MANIFEST = {
  id: 'ix_1',
  tenantId: 'tn_one',
  name: 'notes',
  dimensions: 2,
  metric: 'dot',
  generation: 1,
  embedding: null,
  fields: {
    body: { kind: 'text', weight: 1, source: 'text' },
    terms: { kind: 'sparse', idf: false, model: null },
    place: { kind: 'vector', dimensions: 2, metric: 'dot', model: null },
  },
} as unknown as IndexManifest;

/** A row of the index: a vector of a caller's own, or a chunk of a version of a document. */
export interface StoredRow {
  readonly id: string;
  readonly metadata: JsonValue;
  readonly document?: string;
  readonly version?: number;
}

export const chunkRow = (document: string, version: number, at: number, labels: readonly string[] = []): StoredRow => {
  const chunk = at.toString(16).padStart(32, '0');
  return {
    id: rowIdOf({ document, chunk, version }),
    document,
    version,
    metadata: { $document: { id: document, chunk }, $labels: [...labels] },
  };
};

/** An index whose rows are the nearer the further in front, and by words the further behind; versions of its documents may come to be served between any two calls. */
export class ServedSearchWorld {
  readonly #rows: readonly StoredRow[];
  readonly searched: (ShardQuery | ShardFieldSearch)[] = [];
  /** Before and after each call that leaves the isolate. */
  between: () => void = () => undefined;
  /** The versions that are served, of each edition. */
  readonly editions: ReadonlyMap<string, number>[];
  readings = 0;
  readonly searches: Searches;
  readonly plans: Plans;

  constructor(rows: readonly StoredRow[], served: ReadonlyMap<string, number>) {
    this.#rows = rows;
    this.editions = [served];
    const shards = indexShards({
      query: (_: unknown, query: ShardQuery) => this.#find(query, this.#rows),
      searchFields: (_: unknown, search: ShardFieldSearch) =>
        this.#find(search, search.query.kind === 'text' ? this.#rows.toReversed() : this.#rows),
      fetch: (_: unknown, { ids, include }: ShardFetch) =>
        this.#call(() => {
          const there = ids.flatMap((id) => this.#rows.find((row) => row.id === id) ?? []);
          const metadata = include.metadata ? there.map((row) => JSON.stringify(row.metadata)) : null;
          const values = include.values ? Float32Array.from(there.flatMap(() => [1, 0])) : null;
          return { ids: there.map(({ id }) => id), values, metadata, texts: null, lsn: 1 };
        }),
    });
    const readers = servedRows({
      hidden: async (_, ids) =>
        this.#call(() => {
          this.readings += 1;
          return { ids: ids.filter((id) => !this.#isServed(id)), edition: this.editions.length - 1 };
        }),
    });
    const clock = { nowMs: () => 0 };
    const manifests = new ManifestCache({ describe: async () => ok(MANIFEST) } as never, clock);
    const timer = { after: () => () => undefined };
    const space = new VectorSpace({} as never);
    const fieldPoints = new FieldPoints({ embedder: {} as never, shards });
    this.searches = new Searches({ manifests, shards, space, fieldPoints, served: readers, countInputs: () => undefined });
    const models = { embedder: {} as never, reranker: {} as never, qualities: new Map<string, number>() };
    this.plans = new Plans({ manifests, shards, space, served: readers, clock, timer, ...models });
  }

  /** Another version of a document is served from now on; 0: none. */
  flip(document: string, version: number): void {
    this.editions.push(new Map([...this.#now, [document, version]]));
  }

  /** Ids of what a reader may see now, the nearest first. */
  get seen(): readonly string[] {
    return this.#rows.flatMap(({ id }) => (this.#isServed(id) ? [id] : []));
  }

  rowOf(id: string): StoredRow {
    return must(
      this.#rows.find((row) => row.id === id),
      'the index has it',
    );
  }

  callerOf(more: Pick<TenantPrincipal, 'labels'> = {}) {
    return { principal: principal('tn_one', more), authority: IN_FORCE, reserve: async () => ok(undefined) };
  }

  async query(body: object, reader: Pick<TenantPrincipal, 'labels'> = {}) {
    const read = parse(vectorEndpoints.queryVectors.body.schema, body);
    if (!read.ok) return read;
    const found = await this.searches.search(this.callerOf(reader), 'notes', [{ body: read.value, at: [] }]);
    return found.ok ? ok(must(found.value.found[0], 'each search has found something')) : found;
  }

  async plan(body: object, reader: Pick<TenantPrincipal, 'labels'> = {}) {
    const found = await this.plans.search(this.callerOf(reader), 'notes', planOf(body));
    return found.ok ? ok({ ...found.value, ids: found.value.page.ids }) : found;
  }

  get #now(): ReadonlyMap<string, number> {
    return must(this.editions.at(-1), 'there is a first edition');
  }

  #isServed(id: string): boolean {
    const { document, version } = this.rowOf(id);
    return document === undefined || this.#now.get(document) === version;
  }

  #find(search: ShardQuery | ShardFieldSearch, rows: readonly StoredRow[]) {
    this.searched.push(search);
    return this.#call(() => {
      const { filter, excludeIds, topK, include } = search;
      const found = rows
        .filter(({ id, metadata }) => !excludeIds.includes(id) && (filter === null || accepts(filter, metadata, id)))
        .slice(0, topK);
      const metadata = include.metadata ? found.map((row) => JSON.stringify(row.metadata)) : null;
      return { ids: found.map(({ id }) => id), scores: found.map((_, i) => 1 - i / 1_000), values: null, metadata, texts: null, lsn: 1 };
    });
  }

  async #call<T>(answer: () => T) {
    this.between();
    const value = answer();
    this.between();
    return ok(value);
  }
}
