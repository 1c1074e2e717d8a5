import { expect } from 'vitest';

import { VectorStore } from '../../../src/ann/store/vector-store.ts';
import type { EngineResources } from '../../../src/ann/shard/engine-resources.ts';
import { engineResources } from '../../../src/ann/shard/engine-resources.ts';
import { ShardEngine } from '../../../src/ann/shard/shard-engine.ts';
import { SelectionCache } from '../../../src/ann/filter/selection.ts';
import { compareScores, score } from '../../../src/ann/metric.ts';
import { PAGE_BYTES } from '../../../src/ann/page-memory.ts';
import type { IndexFields } from '../../../src/contract/indexes/index-fields.ts';
import { ExhaustiveFields } from '../oracles/exhaustive-fields.ts';
import type { FieldsOver, RowSource } from '../../../src/ann/row-fields.ts';
import type { Deleted, DeleteSelection, ShardIdentity, ShardMatches, ShardQuery } from '../../../src/ann/shard-protocol.ts';
import { Shard } from '../../../src/ann/shard/shard.ts';
import type { MaintenanceSizes } from '../../../src/ann/maintenance/next-task.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import type { IndexId } from '../../../src/kernel/ids.ts';
import { FailingSql } from '../fakes/failing-sql.ts';
import { probeModule } from '../fakes/probe-module.ts';
import { scanModule } from '../fakes/scan-module.ts';
import { trainModule } from '../fakes/train-module.ts';

/** Sizes so small that a few hundred vectors trigger every kind of maintenance. */
export const SMALL_SIZES: MaintenanceSizes = {
  listedCountMin: () => 200,
  flushRowsMin: 20,
  flushRowsMax: 60,
  entries: 16,
  entriesMax: 40,
  entriesMin: 4,
  calibratedCountMin: 100,
  trialQueries: 20,
  driftCountMin: 50,
  checkpointSlices: 3,
  bulkRowsMin: Infinity,
};

export const smallFloor = (bytesMax: number, sizes: MaintenanceSizes = SMALL_SIZES): EngineResources =>
  engineResources({ scan: scanModule, probe: probeModule, train: trainModule }, bytesMax, sizes);

/** Evicts everything from isolate-wide memory and expects all of its pages to be free again. */
export function expectNothingLeaked({ memory, probe, scanner }: EngineResources): void {
  const holder = { evict: () => Infinity };
  memory.claim('everyone else', holder, memory.bytesMax);
  memory.release('everyone else', holder);
  probe.free();
  const pages = scanner.memory;
  // The first page belongs to the kernels.
  const [bytes, count] = [pages.bytes, pages.bytes / PAGE_BYTES - 1];
  if (count > 0) pages.free(pages.allocate(count), count);
  expect([memory.bytes, pages.bytes]).toEqual([0, bytes]);
}

export interface WorldVector {
  readonly namespace: string;
  readonly id: string;
  readonly values: Float32Array;
  /** Stored as metadata `{ n }`. */
  readonly n: number;
}

export interface WorldQuery {
  readonly values: Float32Array;
  readonly topK: number;
  readonly namespace?: string;
  readonly exact?: boolean;
  readonly withMetadata?: boolean;
  /** Only vectors whose `n` is below this. */
  readonly below?: number;
  readonly excludeIds?: readonly string[];
}

export interface WorldMatch {
  readonly id: string;
  readonly score: number;
}

export function value<T>(outcome: Outcome<T>): T {
  if (!outcome.ok) throw new Error(`${outcome.error.code}: ${outcome.error.message}`);
  return outcome.value;
}

/** As a restarted object finds its fields: it does not define them again. */
export function fieldsOver(rows: RowSource, fields: IndexFields = {}): ExhaustiveFields {
  const made = new ExhaustiveFields(rows);
  made.define(fields);
  return made;
}

export const keyOf = (namespace: string, id: string): string => JSON.stringify([namespace, id]);

/** A whole shard over a database in memory, and a plain map of what it should hold. */
export class ShardWorld {
  readonly identity: ShardIdentity;
  floor: EngineResources;
  readonly name: string;
  readonly sql = new FailingSql();
  readonly vectors = new Map<string, WorldVector>();
  nowMs = 1_000_000;
  store!: VectorStore;
  engine!: ShardEngine;
  shard!: Shard;

  readonly #fieldsOver: FieldsOver;

  /** `over`: what follows the rows' fields; absent: plain scans. */
  constructor(floor: EngineResources, identity: Omit<ShardIdentity, 'indexId'>, name = 'a', over?: FieldsOver) {
    this.floor = floor;
    this.name = name;
    this.#fieldsOver = over ?? ((_, rows) => fieldsOver(rows, this.identity.fields));
    this.identity = { ...identity, indexId: `ix_${name}` as IndexId };
    this.restart();
    this.shard.open(this.identity);
  }

  /** Replaces the object by another one over the same storage, perhaps in another isolate. As on an eviction, the old one gets no notice. */
  restart(floor = this.floor): void {
    this.floor = floor;
    this.store = new VectorStore(this.sql, undefined, this.#fieldsOver);
    this.engine = new ShardEngine(this.floor, this.name, this.store);
    this.shard = new Shard(this.store, this.engine, this.name, new SelectionCache(1 << 16));
  }

  /** Upserts vectors, of which no two have the same namespace and id. */
  upsert(vectors: readonly WorldVector[]): void {
    const { dimensions, indexId } = this.identity;
    const values = new Float32Array(vectors.length * dimensions);
    vectors.forEach((vector, i) => values.set(vector.values, i * dimensions));
    const written = this.shard.upsert(
      {
        indexId,
        ids: vectors.map(({ id }) => id),
        namespaces: vectors.map(({ namespace }) => namespace),
        values,
        metadata: vectors.map(({ n }) => JSON.stringify({ n })),
        texts: vectors.map(() => null),
        repetition: null,
      },
      this.nowMs,
    );
    expect(value(written).count).toBe(vectors.length);
    for (const vector of vectors) this.vectors.set(keyOf(vector.namespace, vector.id), vector);
  }

  delete(namespace: string, ids: readonly string[]): void {
    const deleted = this.shard.delete({ indexId: this.identity.indexId, selection: { kind: 'ids', namespace, ids } });
    const gone = ids.filter((id) => this.vectors.delete(keyOf(namespace, id)));
    expect(value(deleted).count).toBe(gone.length);
  }

  deleteBelow(namespace: string, below: number): void {
    const filter = { kind: 'range', path: 'n', type: 'number', interval: { max: { value: below, closed: false } } } as const;
    let count = 0;
    for (let after: number | null = 0; after !== null;) {
      const selection: DeleteSelection = { kind: 'filter', namespace, filter, after };
      const slice: Deleted = value(this.shard.delete({ indexId: this.identity.indexId, selection }));
      count += slice.count;
      after = slice.next;
    }
    const gone = [...this.vectors].filter(([, vector]) => vector.namespace === namespace && vector.n < below);
    for (const [key] of gone) this.vectors.delete(key);
    expect(count).toBe(gone.length);
  }

  deleteAll(): void {
    const deleted = this.shard.delete({ indexId: this.identity.indexId, selection: { kind: 'all' } });
    expect(value(deleted).count).toBe(this.vectors.size);
    this.vectors.clear();
  }

  /** Runs time slices of background work until none is due; returns when the next is. */
  sweep(slicesMax = Infinity, afterSlice: () => void = () => {}): number | undefined {
    for (let slice = 0; slice < slicesMax; slice += 1) {
      const nextMs = this.shard.sweep(this.nowMs);
      afterSlice();
      if (nextMs !== this.nowMs) return nextMs;
    }
    return this.nowMs;
  }

  /** Runs all background work, advancing the clock as long as work remains. */
  settle(slicesMax = 20_000): void {
    for (let nextMs = this.sweep(slicesMax); nextMs !== undefined; nextMs = this.sweep(slicesMax)) {
      if (nextMs === this.nowMs) throw new Error(`no end of the background work after ${slicesMax} slices`);
      this.nowMs = nextMs;
    }
  }

  query(asked: WorldQuery): ShardMatches {
    const { namespace = '', exact = false, withMetadata = false, below, excludeIds = [] } = asked;
    const query: ShardQuery = {
      indexId: this.identity.indexId,
      target: { kind: 'values', values: asked.values.slice() },
      namespace,
      topK: asked.topK,
      filter: below === undefined ? null : { kind: 'range', path: 'n', type: 'number', interval: { max: { value: below, closed: false } } },
      excludeIds,
      include: { values: false, metadata: withMetadata, text: false },
      exact,
      explain: true,
    };
    return value(this.shard.query(query));
  }

  /** The exact result, by brute force, closest first. */
  truth({ values, topK, namespace = '', below = Infinity, excludeIds = [] }: WorldQuery): WorldMatch[] {
    const { metric } = this.identity;
    const excluded = new Set(excludeIds);
    return [...this.vectors.values()]
      .filter((vector) => vector.namespace === namespace && vector.n < below && !excluded.has(vector.id))
      .map((vector) => ({ id: vector.id, score: score(metric, values, vector.values) }))
      .sort((a, b) => compareScores(metric, a.score, b.score) || (a.id < b.id ? -1 : 1))
      .slice(0, topK);
  }

  /** Compares an exact query with brute force. */
  expectExact(asked: WorldQuery): void {
    const { ids, scores } = this.query({ ...asked, exact: true });
    expect(ids.map((id, i) => ({ id, score: scores[i] }))).toEqual(this.truth(asked));
  }

  /** The share of the ground truth that approximate answers to the queries contain. */
  recall(queries: readonly WorldQuery[]): number {
    let [found, wanted] = [0, 0];
    for (const query of queries) {
      const ids = new Set(this.query(query).ids);
      const truth = this.truth(query);
      found += truth.filter(({ id }) => ids.has(id)).length;
      wanted += truth.length;
    }
    return found / wanted;
  }

  stats() {
    return value(this.shard.stats({ indexId: this.identity.indexId }));
  }
}
