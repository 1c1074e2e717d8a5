import { DurableObject } from 'cloudflare:workers';

import { SelectionCache } from '../src/ann/filter/selection-cache.ts';
import { ResidentEngine } from '../src/ann/resident-engine.ts';
import { Scanner } from '../src/ann/scanner.ts';
import { Shard } from '../src/ann/shard.ts';
import type {
  Deleted,
  RecallSlice,
  SampledIds,
  ShardDelete,
  ShardFetch,
  ShardIdentity,
  ShardMatches,
  ShardQuery,
  ShardRecall,
  ShardSample,
  ShardStats,
  ShardVectors,
  UpsertBatch,
  Written,
} from '../src/ann/shard-protocol.ts';
import scanModule from '../src/ann/wasm/scan.wasm';
import { LIMITS } from '../src/contract/limits.ts';
import type { Outcome } from '../src/contract/outcome.ts';
import type { IndexId } from '../src/kernel/ids.ts';
import { MemoryRegistry } from '../src/kernel/memory-registry.ts';
import { SqliteVectorStore } from './sqlite/vector-store.ts';

// The shards of one isolate share its memory: an engine gives way when another shard needs the room.
const MEMORY = new MemoryRegistry(LIMITS.isolateEngineBytesMax);
const SELECTIONS = new SelectionCache(LIMITS.selectionCacheBytesMax);
const SCANNER = new Scanner(scanModule, LIMITS.isolateEngineBytesMax);

/** The vectors of one index, as `Shard` says. Opened and erased by the index's own object. */
export class ShardObject extends DurableObject {
  readonly #name = this.ctx.id.toString();
  readonly #shard = new Shard(
    new SqliteVectorStore(this.ctx.storage),
    new ResidentEngine(MEMORY, SCANNER, this.#name),
    this.#name,
    SELECTIONS,
  );

  open(identity: ShardIdentity): void {
    this.#shard.open(identity);
  }

  /** Erases everything and answers how many vectors that were. Repeating it changes nothing; later calls find no index. */
  async erase(indexId: IndexId): Promise<number> {
    const count = this.#shard.close(indexId);
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
    return count;
  }

  async upsert(batch: UpsertBatch): Promise<Outcome<Written>> {
    const outcome = this.#shard.upsert(batch, Date.now());
    if (outcome.ok && batch.repetition !== null && (await this.ctx.storage.getAlarm()) === null) await this.alarm();
    return outcome;
  }

  async query(query: ShardQuery): Promise<Outcome<ShardMatches>> {
    const outcome = this.#shard.query(query);
    if (this.#shard.isBehind() && (await this.ctx.storage.getAlarm()) === null) await this.alarm();
    return outcome;
  }

  fetchVectors(fetch: ShardFetch): Outcome<ShardVectors> {
    return this.#shard.fetch(fetch);
  }

  deleteVectors(deletion: ShardDelete): Outcome<Deleted> {
    return this.#shard.delete(deletion);
  }

  stats(indexId: IndexId): Outcome<ShardStats> {
    return this.#shard.stats(indexId);
  }

  sample(sample: ShardSample): Outcome<SampledIds> {
    return this.#shard.sample(sample);
  }

  measureRecall(recall: ShardRecall): Outcome<RecallSlice> {
    return this.#shard.measureRecall(recall);
  }

  /** Does what `sweep` does, and comes back when it says so. */
  override async alarm(): Promise<void> {
    const nextMs = this.#shard.sweep(Date.now());
    if (nextMs !== undefined) await this.ctx.storage.setAlarm(nextMs);
  }
}
