import { DurableObject } from 'cloudflare:workers';

import type { LoggedPredicate, PurgeCount, PurgePredicate } from '../src/cache/purge-predicate.ts';
import type { NewVector, StoredVectors, VectorOrigin } from '../src/cache/stored-vector.ts';
import { CACHE_LIMITS } from '../src/contract/caches/cache-limits.ts';
import type { Outcome } from '../src/contract/api/outcome.ts';
import type { WriteLease } from '../src/contract/tenancy/write-lease.ts';
import { underLease } from '../src/contract/tenancy/write-lease.ts';
import type { Slice } from '../src/cache/store/embedding-cache-store.ts';
import { EmbeddingCacheStore } from '../src/cache/store/embedding-cache-store.ts';

/** Sweeps are at least this far apart, unless one left work: entries that ran out are not served, they only take room. */
const SWEEP_EVERY_MS = 60_000;

/**
 * One shard of a cache's second level; its name is `<owner>:<shard>`. Of purges it knows only how to erase and to count: readers judge each
 * entry by its stamp.
 */
export class EmbeddingCacheObject extends DurableObject {
  readonly #store = new EmbeddingCacheStore(this.ctx.storage, {
    entriesMax: CACHE_LIMITS.cacheShardEntriesMax,
    bytesMax: CACHE_LIMITS.cacheShardBytesMax,
    touchesMax: CACHE_LIMITS.cacheTouchesMaxCount,
    sweepRowsMax: CACHE_LIMITS.cacheSweepRowsMax,
    countRowsMax: CACHE_LIMITS.cacheCountRowsMax,
  });

  /** The stored vectors of some digests, under one contract. */
  get(contractHash: string, digests: readonly string[]): StoredVectors {
    return this.#store.get(contractHash, digests, Date.now());
  }

  /** Row `i` of `vectors` is the vector of `entries[i]`. Refuses with `lease_expired`: a fill is a write in its tenant's name, too (T71). */
  async put(
    origin: VectorOrigin,
    entries: readonly NewVector[],
    vectors: Float32Array<ArrayBuffer>,
    lease?: WriteLease,
  ): Promise<Outcome<null>> {
    const nowMs = Date.now();
    const leased = underLease(lease, nowMs);
    if (!leased.ok) return leased;
    this.#store.put(origin, entries, vectors, nowMs);
    if (entries.some(({ ttlMs }) => ttlMs !== undefined)) await this.#armSweep(nowMs);
    return leased;
  }

  /** Deletes what a purge took in one slice of the entries; see `Slice`. */
  erase(purge: LoggedPredicate, after?: number): Slice {
    return this.#store.erase(purge, after);
  }

  /** Counts what a predicate matches in one slice of the entries. */
  count(predicate: PurgePredicate, after?: number): PurgeCount & Slice {
    return this.#store.count(predicate, after);
  }

  override async alarm(): Promise<void> {
    const nowMs = Date.now();
    if (this.#store.sweep(nowMs)) await this.ctx.storage.setAlarm(nowMs);
    else await this.#armSweep(nowMs);
  }

  async #armSweep(nowMs: number): Promise<void> {
    const endMs = this.#store.nextEndMs();
    if (endMs === undefined || (await this.ctx.storage.getAlarm()) !== null) return;
    await this.ctx.storage.setAlarm(Math.max(endMs, nowMs + SWEEP_EVERY_MS));
  }
}
