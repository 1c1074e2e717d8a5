import { DurableObject } from 'cloudflare:workers';

import type { Residue } from '../src/ann/erasure.ts';
import { callerOf } from '../src/ann/generations/gate.ts';
import { Locator } from '../src/ann/routing/locator.ts';
import type { Place } from '../src/ann/routing/locator-store.ts';
import type {
  LocatedRemoval,
  LocatedWrite,
  LocatedWritten,
  MoveAnswer,
  RowDepartures,
  RowKeys,
  RowMoves,
} from '../src/ann/routing/rows.ts';
import type { Repetition, Written } from '../src/ann/shard-protocol.ts';
import { LIMITS } from '../src/contract/limits.ts';
import type { Outcome } from '../src/contract/outcome.ts';
import { refuse } from '../src/contract/outcome.ts';
import { assert } from '../src/kernel/assert.ts';
import type { IndexId, TenantId } from '../src/kernel/ids.ts';
import { ok } from '../src/kernel/result.ts';
import type { GrowthEnv } from './growth-stubs.ts';
import { locatorPeers } from './locator-peers.ts';
import { residueOf } from './residue-of.ts';
import { SqliteLocatorStore } from './sqlite/sqlite-locator-store.ts';

/** What a locator is opened as. */
export interface LocatorIdentity {
  readonly indexId: IndexId;
  readonly tenantId: TenantId;
  readonly name: string;
  readonly ordinal: number;
}

export interface LocatorCounts {
  readonly ids: number;
  readonly writes: number;
  readonly namespaces: readonly string[];
}

/** Where some of the ids of one index live, as `Locator` says. Opened and erased by the index's own object. */
export class LocatorObject extends DurableObject<GrowthEnv> {
  #opened: { readonly locator: Locator; readonly store: SqliteLocatorStore } | undefined;

  open(identity: LocatorIdentity): void {
    const known = this.ctx.storage.kv.get<LocatorIdentity>('identity');
    assert(known === undefined || known.indexId === identity.indexId, 'a locator is named by its index id');
    if (known === undefined) this.ctx.storage.kv.put('identity', identity);
  }

  /** Repeating it changes nothing; later calls find no index. */
  async erase(): Promise<void> {
    this.#opened = undefined;
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
  }

  residue(): Promise<Residue> {
    return residueOf(this.ctx.storage);
  }

  async write(indexId: IndexId, write: LocatedWrite): Promise<Outcome<LocatedWritten>> {
    await this.#arm();
    return this.#with(indexId, ({ locator }) => locator.write(write));
  }

  async removeIds(indexId: IndexId, removal: LocatedRemoval): Promise<Outcome<Written>> {
    await this.#arm();
    return this.#with(indexId, ({ locator }) => locator.remove(removal));
  }

  async clear(indexId: IndexId): Promise<Outcome<Written>> {
    await this.#arm();
    return this.#with(indexId, ({ locator }) => locator.clear());
  }

  claim(indexId: IndexId, repetition: Repetition): Promise<Outcome<Written | null>> {
    return this.#with(indexId, async ({ locator }) => locator.claim(repetition));
  }

  find(indexId: IndexId, keys: RowKeys): Promise<Outcome<(Place | undefined)[]>> {
    return this.#with(indexId, async ({ locator }) => ok(locator.find(keys)));
  }

  counts(indexId: IndexId): Promise<Outcome<LocatorCounts>> {
    return this.#with(indexId, async ({ store }) => ok(store.counts(LIMITS.namespacesCountedMax)));
  }

  move(indexId: IndexId, moves: RowMoves): Promise<Outcome<MoveAnswer[]>> {
    return this.#with(indexId, async ({ locator }) => ok(locator.move(moves)));
  }

  depart(indexId: IndexId, departures: RowDepartures): Promise<Outcome<null>> {
    return this.#with(indexId, async ({ locator }) => {
      locator.depart(departures);
      return ok(null);
    });
  }

  adopt(indexId: IndexId, keys: RowKeys, removed: RowKeys): Promise<Outcome<null>> {
    return this.#with(indexId, async ({ store }) => {
      store.adopt(keys, removed, 0);
      return ok(null);
    });
  }

  /** Finishes what was cut off; comes back until nothing is under way. */
  override async alarm(): Promise<void> {
    const identity = this.ctx.storage.kv.get<LocatorIdentity>('identity');
    if (identity === undefined) return;
    await this.#with(identity.indexId, async ({ locator, store }) => {
      if (store.isIdle()) return ok(store.sweep(Date.now() - LIMITS.upsertReceiptTtlMs));
      // Armed again first: a platform that gives up on a failing alarm must not strand what is under way.
      await this.ctx.storage.setAlarm(Date.now() + LIMITS.locatorRetryMs);
      return ok(await locator.resume());
    });
  }

  async #arm(): Promise<void> {
    const identity = this.ctx.storage.kv.get<LocatorIdentity>('identity');
    if (identity === undefined || (await this.ctx.storage.getAlarm()) !== null) return;
    await this.ctx.storage.setAlarm(Date.now() + LIMITS.locatorRetryMs);
  }

  async #with<T>(
    indexId: IndexId,
    work: (opened: { locator: Locator; store: SqliteLocatorStore }) => Promise<Outcome<T>>,
  ): Promise<Outcome<T>> {
    const identity = this.ctx.storage.kv.get<LocatorIdentity>('identity');
    if (identity?.indexId !== callerOf(indexId).indexId) return refuse('index_not_found', 'the index was deleted', 'index');
    if (this.#opened === undefined) {
      const store = new SqliteLocatorStore(this.ctx.storage);
      this.#opened = { store, locator: new Locator(identity, store, locatorPeers(this.env, identity), () => Date.now()) };
    }
    return work(this.#opened);
  }
}
