import type { Residue } from '../src/index/erasure.ts';
import type { Addressed, Gate } from '../src/ann/access-mode.ts';
import { ShardGate } from '../src/ann/shard-gate.ts';
import { hasCallersKey } from '../src/ann/receipts.ts';
import type { KeyedReceipt, ReceiptPage } from '../src/ann/receipts.ts';
import type { ChangeCursor, ShardChanges, ShardFollow } from '../src/ann/store/change-log.ts';
import type { ReadConsistency } from '../src/ann/replication/read-consistency.ts';
import { searchTimeMs } from '../src/ann/search-cost.ts';
import { tellChanges } from '../src/ann/replication/changes.ts';
import type {
  Counted,
  Deleted,
  ListedVectors,
  NamespacePage,
  Patched,
  RecallSlice,
  SampledIds,
  SelectedIds,
  ShardCount,
  ShardDelete,
  ShardFetch,
  ShardList,
  ShardMatches,
  ShardNamespaces,
  ShardPatch,
  ShardQuery,
  ShardRecall,
  ShardSample,
  ShardSelect,
  ShardStats,
  ShardVectors,
  UpsertBatch,
  Written,
} from '../src/ann/shard-protocol.ts';
import type { ShardReadMethods, ShardWriteMethods } from '../src/ann/shard-operations.ts';
import type { Outcome } from '../src/contract/outcome.ts';
import type { WriteLease } from '../src/contract/write-lease.ts';
import type { IndexId } from '../src/kernel/ids.ts';
import { ok } from '../src/kernel/result.ts';
import type { Served } from './object-namespace.ts';
import { ReshardingShard } from './resharding-shard.ts';
import type { ShardStub } from './resharding-stubs.ts';
import { RESOURCES } from './shard-resources.ts';
import { residueOf } from './stored-cell.ts';

/** The vectors of an index, or of one of its regions, behind `Shard`. Gateways write directly only to an only shard. */
export class ShardObject extends ReshardingShard implements Served<ShardStub & ShardReadMethods & ShardWriteMethods> {
  readonly #gate = new ShardGate(this.store);

  setGate(indexId: IndexId, gate: Gate, run: number): Outcome<null> {
    return this.#gate.set(indexId, gate, run);
  }

  /** From now on changes are kept for a follower, which begins here. */
  followedFrom(indexId: IndexId, lsnMin: number): Outcome<ChangeCursor> {
    return this.#gate.followedFrom(indexId, lsnMin, Date.now());
  }

  /** For followers: what is known of requests. */
  receiptsBehind(indexId: IndexId, after: number): Outcome<ReceiptPage> {
    return this.#gate.receiptsBehind(indexId, after);
  }

  /** Called by a follower, while this is the only shard. */
  adoptReceipts(call: Addressed, receipts: readonly KeyedReceipt[]): Promise<Outcome<null>> {
    return this.writing({}, undefined, () => this.#gate.adoptReceipts(call, receipts), true);
  }

  residue(): Promise<Residue> {
    return residueOf(this.ctx.storage);
  }

  /** Like all writes of gateways, in the name of a key: refused with `lease_expired` once its lease has ended. */
  upsert(batch: UpsertBatch, lease?: WriteLease): Promise<Outcome<Written>> {
    return this.writing(batch, lease, () => this.shard.upsert(batch, Date.now()), hasCallersKey(batch.repetition));
  }

  /** Served strongly whatever is asked for: the consistency only shows whether a replica could have answered as well. */
  async query(query: ShardQuery, consistency?: ReadConsistency): Promise<Outcome<ShardMatches>> {
    const outcome = await this.reading(query, () => this.#search(query, consistency));
    // What was left undone when this object was evicted is taken up with its first query.
    if (!this.shard.isKeptUp) await this.arm();
    return outcome;
  }

  /** The LSN of the last write: it does not wait for reads, as it takes none of their time. */
  lsn(call: Addressed): Outcome<number> {
    return this.readingNow({}, () => {
      const passed = this.#gate.pass(call);
      return passed.ok ? ok(passed.value.lsn) : passed;
    });
  }

  fetchVectors(fetch: ShardFetch): Promise<Outcome<ShardVectors>> {
    return this.reading(fetch, () => this.shard.fetch(fetch));
  }

  listVectors(list: ShardList): Promise<Outcome<ListedVectors>> {
    return this.reading(list, () => this.shard.list(list));
  }

  countVectors(count: ShardCount): Promise<Outcome<Counted>> {
    return this.reading(count, () => this.shard.count(count));
  }

  selectIds(select: ShardSelect): Promise<Outcome<SelectedIds>> {
    return this.reading(select, () => this.shard.select(select));
  }

  namespaces(page: ShardNamespaces): Promise<Outcome<NamespacePage>> {
    return this.reading(page, () => this.shard.namespaces(page));
  }

  patchVectors(patch: ShardPatch, lease?: WriteLease): Promise<Outcome<Patched>> {
    return this.writing(patch, lease, () => this.shard.patch(patch, Date.now()));
  }

  deleteVectors(deletion: ShardDelete, lease?: WriteLease): Promise<Outcome<Deleted>> {
    return this.writing(deletion, lease, () => this.shard.delete(deletion));
  }

  /** For followers, such as replicas. */
  changesSince(follow: ShardFollow): Outcome<ShardChanges> {
    return tellChanges(this.store, follow, Date.now(), this.since);
  }

  stats(call: Addressed): Outcome<ShardStats> {
    return this.shard.stats(call);
  }

  sample(sample: ShardSample): Promise<Outcome<SampledIds>> {
    return this.reading(sample, () => this.shard.sample(sample));
  }

  measureRecall(recall: ShardRecall): Promise<Outcome<RecallSlice>> {
    return this.reading(recall, () => this.shard.measureRecall(recall));
  }

  #search(query: ShardQuery, consistency: ReadConsistency | undefined): Outcome<ShardMatches> {
    RESOURCES.pace.searched(Date.now());
    const outcome = this.shard.query(query);
    const told = outcome.ok ? this.pulse.read(searchTimeMs(this.shard.lastCost), consistency, query.near, query.indexId) : undefined;
    if (told !== undefined) this.ctx.waitUntil(told);
    return outcome;
  }
}
