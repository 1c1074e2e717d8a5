import { VectorStore } from '../../../src/ann/store/vector-store.ts';
import { engineResources } from '../../../src/ann/shard/engine-resources.ts';
import { decodeSettings } from '../../../src/ann/engine/list-settings.ts';
import { ShardEngine } from '../../../src/ann/shard/shard-engine.ts';
import { SelectionCache } from '../../../src/ann/filter/selection.ts';
import type { Explanation } from '../../../src/ann/shard-protocol.ts';
import { Shard } from '../../../src/ann/shard/shard.ts';
import { INDEX_LIMITS } from '../../../src/contract/indexes/index-limits.ts';
import type { RecallTarget } from '../../../src/contract/indexes/index-settings.ts';
import { assert, must } from '../../../src/kernel/assert.ts';
import type { IndexId } from '../../../src/kernel/ids.ts';
import type { SqlStorage } from '../../../src/kernel/sql/sql-storage.ts';
import { kernelModule } from './kernel-module.ts';
import { encodeImage } from './list-image.ts';
import type { Depth } from './list-trial.ts';
import { sqliteStorage } from './sqlite-storage.ts';
import type { VectorSet } from './vector-set.ts';
import { vectorAt } from './vectors.ts';

const INDEX = 'idx_bench' as IndexId;
const BATCH = 500;
const NO_COLUMNS = { values: false, metadata: false, text: false };

/** A whole shard with its store, as its object runs it; a vector's id is its number. */
export class ShardTrial {
  readonly #storage: SqlStorage;
  readonly #set: VectorSet;
  #shard: Shard;
  // Jumps to whatever time the shard schedules work for.
  #nowMs = 0;

  constructor(path: string, set: VectorSet, recall: RecallTarget) {
    this.#storage = sqliteStorage(path);
    this.#set = set;
    this.#shard = this.#started();
    this.#shard.open({ indexId: INDEX, dimensions: set.base.dimensions, metric: set.metric, recall });
  }

  /** Bytes in memory now. */
  get bytes(): number {
    const stats = this.#shard.stats({ indexId: INDEX });
    return stats.ok ? stats.value.memoryBytes : 0;
  }

  /** Upserts vectors in batches, with the values that `valuesOf` returns. */
  upsert(numbers: readonly number[], valuesOf = (number: number): Float32Array => vectorAt(this.#set.base, number)): void {
    const { dimensions } = this.#set.base;
    for (let start = 0; start < numbers.length; start += BATCH) {
      const batch = numbers.slice(start, start + BATCH);
      const values = new Float32Array(batch.length * dimensions);
      batch.forEach((number, i) => values.set(valuesOf(number), i * dimensions));
      const none = batch.map(() => null);
      const ids = batch.map(String);
      const columns = { ids, namespaces: batch.map(() => ''), values, metadata: none, texts: none };
      const outcome = this.#shard.upsert({ indexId: INDEX, ...columns, repetition: null }, this.#nowMs);
      assert(outcome.ok, JSON.stringify(outcome));
    }
  }

  delete(numbers: readonly number[]): void {
    for (let start = 0; start < numbers.length; start += BATCH) {
      const ids = numbers.slice(start, start + BATCH).map(String);
      const outcome = this.#shard.delete({ indexId: INDEX, selection: { kind: 'ids', namespace: '', ids } });
      assert(outcome.ok, JSON.stringify(outcome));
    }
  }

  /** Runs all background work that is due; yields the milliseconds of CPU time of each time slice. */
  *keepUp(): Generator<number> {
    for (;;) {
      const started = process.threadCpuUsage();
      const nextMs = this.#shard.sweep(this.#nowMs);
      const { user, system } = process.threadCpuUsage(started);
      yield (user + system) / 1000;
      if (nextMs === undefined) return;
      this.#nowMs = nextMs;
    }
  }

  search(
    query: Float32Array,
    topK: number,
    { explain = false, exact = false } = {},
  ): { found: number[]; explanation: Explanation | undefined } {
    const target = { kind: 'values' as const, values: new Float32Array(query) };
    const columns = { indexId: INDEX, namespace: '', filter: null, excludeIds: [], include: NO_COLUMNS, explain, exact };
    const outcome = this.#shard.query({ ...columns, target, topK });
    assert(outcome.ok, JSON.stringify(outcome));
    return { found: outcome.value.ids.map(Number), explanation: outcome.value.explanation };
  }

  /** Its posting lists as stored, and their default search depth. */
  lists(): { image: Uint8Array<ArrayBuffer>; depth: Depth } {
    const { lists } = new VectorStore(this.#storage);
    const { id, model, settings } = must(lists.listSets().at(-1), 'there are lists');
    const stored = Array.from(lists.lists(id), (list) => ({ ...list, blocks: lists.blocks(id, list.list) }));
    const { stop, stopsByReach, rescoreCount } = decodeSettings(settings);
    return { image: encodeImage(model, stored), depth: { stop, byReach: Number(stopsByReach), rescore: rescoreCount } };
  }

  /** Discards everything in memory, as an eviction of the object does. */
  restart(): void {
    this.#shard = this.#started();
  }

  #started(): Shard {
    const modules = { scan: kernelModule('scan'), probe: kernelModule('probe.relaxed'), train: kernelModule('train') };
    const floor = engineResources(modules, INDEX_LIMITS.isolateEngineBytesMax);
    const store = new VectorStore(this.#storage);
    return new Shard(store, new ShardEngine(floor, 'bench', store), 'bench', new SelectionCache(INDEX_LIMITS.selectionCacheBytesMax));
  }
}
