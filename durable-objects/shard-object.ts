import { DurableObject } from 'cloudflare:workers';

import type { Residue } from '../src/ann/erasure.ts';
import { ShardEngine } from '../src/ann/engine/shard-engine.ts';
import { tellChanges } from '../src/ann/replication/tell-changes.ts';
import type { Gate } from '../src/ann/generations/gate.ts';
import { ShardGate } from '../src/ann/generations/shard-gate.ts';
import { Shard } from '../src/ann/shard.ts';
import type { ChangeCursor, ShardChanges, ShardFollow } from '../src/ann/replication/change-page.ts';
import type {
  Counted,
  Deleted,
  ListedVectors,
  NamespacePage,
  Patched,
  RecallSlice,
  SampledIds,
  ShardCount,
  ShardDelete,
  ShardFetch,
  ShardIdentity,
  ShardList,
  ShardMatches,
  ShardNamespaces,
  ShardPatch,
  ShardQuery,
  ShardRecall,
  ShardSample,
  ShardStats,
  ShardVectors,
  UpsertBatch,
  Written,
} from '../src/ann/shard-protocol.ts';
import { LIMITS } from '../src/contract/limits.ts';
import type { Outcome } from '../src/contract/outcome.ts';
import type { IndexId } from '../src/kernel/ids.ts';
import { FLOOR, SELECTIONS } from './shard-floor.ts';
import { residueOf } from './residue-of.ts';
import { SqliteVectorStore } from './sqlite/vector-store.ts';

/** The vectors of one index, as `Shard` says. Opened and erased by the index's own object. */
export class ShardObject extends DurableObject {
  readonly #name = this.ctx.id.toString();
  readonly #store = new SqliteVectorStore(this.ctx.storage);
  readonly #gate = new ShardGate(this.#store);
  readonly #shard = new Shard(this.#store, new ShardEngine(FLOOR, this.#name, this.#store), this.#name, SELECTIONS);

  open(identity: ShardIdentity): void {
    this.#shard.open(identity);
  }

  setGate(indexId: IndexId, gate: Gate, run: number): Outcome<null> {
    return this.#gate.set(indexId, gate, run);
  }

  /** From now on changes are kept for a follower, who begins here. */
  followedFrom(indexId: IndexId, lsnMin: number): Outcome<ChangeCursor> {
    return this.#gate.followedFrom(indexId, lsnMin, Date.now());
  }

  /** Erases everything and answers how many vectors that were. Repeating it changes nothing; later calls find no index. */
  async erase(indexId: IndexId): Promise<number> {
    const count = this.#shard.close(indexId);
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
    return count;
  }

  residue(): Promise<Residue> {
    return residueOf(this.ctx.storage);
  }

  async upsert(batch: UpsertBatch): Promise<Outcome<Written>> {
    const outcome = this.#shard.upsert(batch, Date.now());
    if (outcome.ok) await this.#arm(batch.repetition !== null);
    return outcome;
  }

  async query(query: ShardQuery): Promise<Outcome<ShardMatches>> {
    const outcome = this.#shard.query(query);
    // What was left undone when this object was evicted is taken up with its first query.
    if (!this.#shard.isKeptUp) await this.#arm();
    return outcome;
  }

  fetchVectors(fetch: ShardFetch): Outcome<ShardVectors> {
    return this.#shard.fetch(fetch);
  }

  listVectors(list: ShardList): Outcome<ListedVectors> {
    return this.#shard.list(list);
  }

  countVectors(count: ShardCount): Outcome<Counted> {
    return this.#shard.count(count);
  }

  async patchVectors(patch: ShardPatch): Promise<Outcome<Patched>> {
    const outcome = this.#shard.patch(patch, Date.now());
    if (outcome.ok) await this.#arm();
    return outcome;
  }

  namespaces(page: ShardNamespaces): Outcome<NamespacePage> {
    return this.#shard.namespaces(page);
  }

  async deleteVectors(deletion: ShardDelete): Promise<Outcome<Deleted>> {
    const outcome = this.#shard.delete(deletion);
    if (outcome.ok) await this.#arm();
    return outcome;
  }

  /** For followers, such as replicas. */
  changesSince(follow: ShardFollow): Outcome<ShardChanges> {
    return tellChanges(this.#store, follow, Date.now());
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

  /** Does what `sweep` does, slice by slice with calls in between, and comes back when it says so. */
  override async alarm(): Promise<void> {
    for (let slice = 0; slice < LIMITS.shardAlarmSlicesMaxCount; slice += 1) {
      const nextMs = this.#shard.sweep(Date.now());
      if (nextMs === undefined) return;
      if (nextMs > Date.now()) return this.ctx.storage.setAlarm(nextMs);
      await scheduler.wait(0);
    }
    await this.ctx.storage.setAlarm(Date.now());
  }

  /** Sees to it that the alarm comes soon, if there may be something to do; a receipt only has to be swept some day. */
  async #arm(hasReceipt = false): Promise<void> {
    const [alarmMs, soonMs] = [await this.ctx.storage.getAlarm(), Date.now() + LIMITS.shardSweepDelayMs];
    const isNeeded = alarmMs === null ? hasReceipt || this.#shard.isSweepDue() : alarmMs > soonMs && this.#shard.isSweepDue();
    if (isNeeded) await this.ctx.storage.setAlarm(soonMs);
  }
}
