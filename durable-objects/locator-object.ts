import { DurableObject } from 'cloudflare:workers';

import type { Residue } from '../src/ann/erasure.ts';
import type { Gate, GateState } from '../src/ann/generations/gate.ts';
import { insiderId, OPEN } from '../src/ann/generations/gate.ts';
import { Gatekeeper } from '../src/ann/generations/gatekeeper.ts';
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
import { assert, must } from '../src/kernel/assert.ts';
import type { IndexId } from '../src/kernel/ids.ts';
import { ok } from '../src/kernel/result.ts';
import type { GrowthEnv } from './growth-stubs.ts';
import type { LocatorCounts, LocatorIdentity } from './locator-identity.ts';
import { locatorPeers } from './locator-peers.ts';
import { residueOf } from './residue-of.ts';
import { StoredCell } from './stored-cell.ts';
import { SqliteLocatorStore } from './sqlite/sqlite-locator-store.ts';

/** Where some of the ids of one index live, as `Locator` says. Opened and erased by the index's own object. */
export class LocatorObject extends DurableObject<GrowthEnv> {
  readonly #identity = new StoredCell<LocatorIdentity>(this.ctx.storage, 'identity');
  readonly #gate = new StoredCell<GateState>(this.ctx.storage, 'gate');
  readonly #keeper = new Gatekeeper({
    indexId: () => this.#identity.get()?.indexId,
    gate: () => this.#gate.get() ?? OPEN,
    setGate: (state) => this.#gate.put(state),
  });
  #opened: { readonly locator: Locator; readonly store: SqliteLocatorStore } | undefined;

  /** Of a generation that does not serve, closed to all but its follower. */
  open(identity: LocatorIdentity, gate: Gate = 'open'): void {
    const known = this.#identity.get();
    assert(known === undefined || known.indexId === identity.indexId, 'a locator is named by its index id');
    if (known !== undefined) return;
    this.#gate.put({ gate, run: 0 });
    this.#identity.put(identity);
  }

  /** Repeating it changes nothing; later calls find no index. */
  async erase(): Promise<void> {
    this.#opened = undefined;
    this.#identity.forget();
    this.#gate.forget();
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
  }

  residue(): Promise<Residue> {
    return residueOf(this.ctx.storage);
  }

  async write(caller: IndexId, write: LocatedWrite): Promise<Outcome<LocatedWritten>> {
    await this.#arm();
    return this.#with(caller, ({ locator }) => locator.write(write), true);
  }

  async removeIds(caller: IndexId, removal: LocatedRemoval): Promise<Outcome<Written>> {
    await this.#arm();
    return this.#with(caller, ({ locator }) => locator.remove(removal), true);
  }

  async clear(caller: IndexId, lsnSeen: number): Promise<Outcome<Written>> {
    await this.#arm();
    return this.#with(caller, ({ locator }) => locator.clear(lsnSeen), true);
  }

  claim(caller: IndexId, repetition: Repetition): Promise<Outcome<Written | null>> {
    return this.#with(caller, async ({ locator }) => locator.claim(repetition), true);
  }

  find(caller: IndexId, keys: RowKeys): Promise<Outcome<(Place | undefined)[]>> {
    return this.#with(caller, async ({ locator }) => ok(locator.find(keys)));
  }

  counts(caller: IndexId): Promise<Outcome<LocatorCounts>> {
    return this.#with(caller, async ({ store }) => ok(store.counts(LIMITS.namespacesCountedMax)));
  }

  /** Once that is answered, no write of those who are kept out is under way. */
  async setGate(indexId: IndexId, gate: Gate, run: number): Promise<Outcome<null>> {
    const set = this.#keeper.set(indexId, gate, run);
    if (!set.ok || gate === 'open') return set;
    return this.#with(insiderId(indexId), async ({ locator }) => ((await locator.comeToRest()) ? ok(null) : BUSY));
  }

  move(indexId: IndexId, moves: RowMoves): Promise<Outcome<MoveAnswer[]>> {
    return this.#with(insiderId(indexId), async ({ locator }) => ok(locator.move(moves)));
  }

  depart(indexId: IndexId, departures: RowDepartures): Promise<Outcome<null>> {
    return this.#with(insiderId(indexId), async ({ locator }) => {
      locator.depart(departures);
      return ok(null);
    });
  }

  adopt(indexId: IndexId, keys: RowKeys, removed: RowKeys): Promise<Outcome<null>> {
    return this.#with(insiderId(indexId), async ({ store }) => {
      store.adopt(keys, removed, 0);
      return ok(null);
    });
  }

  /** Finishes what was cut off; comes back until nothing is under way. */
  override async alarm(): Promise<void> {
    const identity = this.#identity.get();
    if (identity === undefined) return;
    await this.#with(insiderId(identity.indexId), async ({ locator, store }) => {
      if (store.isIdle()) return ok(store.sweep(Date.now() - LIMITS.upsertReceiptTtlMs));
      // Armed again first: a platform that gives up on a failing alarm must not strand what is under way.
      await this.ctx.storage.setAlarm(Date.now() + LIMITS.locatorRetryMs);
      return ok(await locator.resume());
    });
  }

  async #arm(): Promise<void> {
    if (this.#identity.get() === undefined || (await this.ctx.storage.getAlarm()) !== null) return;
    await this.ctx.storage.setAlarm(Date.now() + LIMITS.locatorRetryMs);
  }

  async #with<T>(
    caller: IndexId,
    work: (opened: { locator: Locator; store: SqliteLocatorStore }) => Promise<Outcome<T>>,
    isWrite = false,
  ): Promise<Outcome<T>> {
    const passed = this.#keeper.pass(caller, isWrite);
    if (!passed.ok) return passed;
    if (this.#opened === undefined) {
      const identity = must(this.#identity.get(), 'a locator that lets pass is open');
      const store = new SqliteLocatorStore(this.ctx.storage);
      this.#opened = { store, locator: new Locator(identity, store, locatorPeers(this.env, identity), () => Date.now()) };
    }
    return work(this.#opened);
  }
}

const BUSY = refuse('unavailable', 'a write is still under way: ask again');
