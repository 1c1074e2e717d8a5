import { DurableObject } from 'cloudflare:workers';

import type { Residue } from '../src/index/erasure.ts';
import type { Addressed, AccessMode } from '../src/ann/access-mode.ts';
import type { KeyedReceipt, ReceiptPage } from '../src/ann/receipts.ts';
import type { Claim } from '../src/index/locators/locator.ts';
import type { Place } from '../src/index/locators/locator-store.ts';
import type { LocatedRemoval, LocatedWrite, LocatedWritten, MoveAnswer, RowDepartures, RowKeys, RowMoves } from '../src/ann/rows.ts';
import type { Repetition, Written } from '../src/ann/shard-protocol.ts';
import { INDEX_LIMITS } from '../src/contract/indexes/index-limits.ts';
import type { Outcome } from '../src/contract/api/outcome.ts';
import type { WriteLease } from '../src/contract/tenancy/write-lease.ts';
import { underLease } from '../src/contract/tenancy/write-lease.ts';
import { refuse } from '../src/contract/api/outcome.ts';
import type { IndexId } from '../src/kernel/ids.ts';
import { ok } from '../src/kernel/result.ts';
import type { Served } from './object-namespace.ts';
import type { LocatorStub, ReshardingEnv } from './resharding-stubs.ts';
import type { LocatorCounts, LocatorIdentity } from './locator-identity.ts';
import { OpenedLocator } from './opened-locator.ts';
import { residueOf } from './stored-cell.ts';

/** The locations of some of the ids of one index, as `Locator` keeps them. Opened and erased by the index's own object. */
export class LocatorObject extends DurableObject<ReshardingEnv> implements Served<LocatorStub> {
  readonly #opened = new OpenedLocator(this.ctx.storage, this.env);

  /** Of a shadow generation: closed to all calls but its follower's. */
  open(identity: LocatorIdentity, mode: AccessMode = 'open'): void {
    this.#opened.open(identity, mode);
  }

  /** Repeating it changes nothing; later calls find no index. */
  async erase(): Promise<void> {
    this.#opened.forget();
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
  }

  residue(): Promise<Residue> {
    return residueOf(this.ctx.storage);
  }

  write(call: Addressed, write: LocatedWrite, lease?: WriteLease): Promise<Outcome<LocatedWritten>> {
    return this.#commit(lease, () => this.#opened.with(call, ({ locator }) => locator.write(write), true));
  }

  removeIds(call: Addressed, removal: LocatedRemoval, lease?: WriteLease): Promise<Outcome<Written>> {
    return this.#commit(lease, () => this.#opened.with(call, ({ locator }) => locator.remove(removal), true));
  }

  clear(call: Addressed, lsnSeen: number, lease?: WriteLease): Promise<Outcome<Written>> {
    return this.#commit(lease, () => this.#opened.with(call, ({ locator }) => locator.clear(lsnSeen), true));
  }

  claim(call: Addressed, repetition: Repetition, lease?: WriteLease): Promise<Outcome<Claim>> {
    return this.#commit(lease, () => this.#opened.with(call, async ({ locator }) => locator.claim(repetition), true));
  }

  find(call: Addressed, keys: RowKeys): Promise<Outcome<(Place | undefined)[]>> {
    return this.#opened.with(call, async ({ locator }) => ok(locator.find(keys)));
  }

  counts(call: Addressed): Promise<Outcome<LocatorCounts>> {
    return this.#opened.with(call, async ({ store }) => ok(store.counts(INDEX_LIMITS.namespacesCountedMax)));
  }

  /** Once that is answered, no write of those who are kept out is under way. */
  async setAccess(indexId: IndexId, mode: AccessMode, fencingToken: number): Promise<Outcome<null>> {
    const set = this.#opened.setAccess(indexId, mode, fencingToken);
    if (!set.ok || mode === 'open') return set;
    return this.#opened.within(indexId, async ({ locator }) => ((await locator.comeToRest()) ? ok(null) : BUSY));
  }

  move(indexId: IndexId, moves: RowMoves): Promise<Outcome<MoveAnswer[]>> {
    return this.#opened.within(indexId, async ({ locator }) => ok(locator.move(moves)));
  }

  depart(indexId: IndexId, departures: RowDepartures): Promise<Outcome<null>> {
    return this.#opened.within(indexId, async ({ locator }) => (locator.depart(departures), ok(null)));
  }

  adopt(indexId: IndexId, keys: RowKeys, removed: RowKeys, receipts: readonly KeyedReceipt[]): Promise<Outcome<null>> {
    return this.#opened.within(indexId, async ({ store }) => (store.adopt(keys, removed, 0, receipts), ok(null)));
  }

  /** For followers: what is known of requests. */
  receiptsBehind(indexId: IndexId, after: number): Promise<Outcome<ReceiptPage>> {
    return this.#opened.within(indexId, async ({ store }) => ok(store.receiptsBehind(after, INDEX_LIMITS.receiptPageMaxCount)));
  }

  /** Called by a follower. */
  async adoptReceipts(call: Addressed, receipts: readonly KeyedReceipt[]): Promise<Outcome<null>> {
    await this.#arm();
    return this.#opened.with(call, async ({ store }) => (store.adoptReceipts(receipts), ok(null)), true);
  }

  /** Finishes interrupted writes; continues until none is under way, and when the next receipt expires. */
  override async alarm(): Promise<void> {
    const { identity } = this.#opened;
    if (identity === undefined) return;
    await this.#opened.within(identity.indexId, async ({ locator, store }) => {
      if (store.isIdle()) {
        const nextMs = store.sweep(Date.now());
        return ok(nextMs === undefined ? null : await this.ctx.storage.setAlarm(nextMs));
      }
      // Armed again first: a platform that gives up on a failing alarm must not strand what is under way.
      await this.ctx.storage.setAlarm(Date.now() + INDEX_LIMITS.locatorRetryMs);
      return ok(await locator.resume());
    });
  }

  async #commit<T>(lease: WriteLease | undefined, write: () => Promise<Outcome<T>>): Promise<Outcome<T>> {
    await this.#arm();
    const leased = underLease(lease, Date.now());
    return leased.ok ? write() : leased;
  }

  async #arm(): Promise<void> {
    if (this.#opened.identity === undefined) return;
    const [alarmMs, soonMs] = [await this.ctx.storage.getAlarm(), Date.now() + INDEX_LIMITS.locatorRetryMs];
    if (alarmMs === null || alarmMs > soonMs) await this.ctx.storage.setAlarm(soonMs);
  }
}

const BUSY = refuse('unavailable', 'a write is still under way; retry');
