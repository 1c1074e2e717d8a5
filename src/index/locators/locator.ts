import type { Refusal } from '../../contract/api/errors.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import type { IndexId } from '../../kernel/ids.ts';
import { grouped } from '../../kernel/grouped.ts';
import { KeyLocks } from '../../kernel/mutex.ts';
import type { Err } from '../../kernel/result.ts';
import { ok } from '../../kernel/result.ts';
import { shardLost } from '../index-lifecycle.ts';
import { WHOLE, billingOf, keyWroteOtherwise, resumeWrite } from '../../ann/receipts.ts';
import type { Billing, Repetition, Written } from '../../ann/shard-protocol.ts';
import type { KnownRoutes } from '../routing/known-routes.ts';
import type { LocatorStore, Operation, PendingClearing, PendingRemoval, PendingWrite, Place } from './locator-store.ts';
import { rowsAt } from '../../ann/rows.ts';
import type {
  LocatedRemoval,
  LocatedWrite,
  LocatedWritten,
  MoveAnswer,
  RowClearing,
  RowDepartures,
  RowKeys,
  RowMoves,
  RowPut,
  RowRemoval,
  RowsCleared,
} from '../../ann/rows.ts';

/** RPCs that a locator makes. Every call may be refused with `unavailable`. */
export interface LocatorPeers {
  /** The routes as they are now. */
  routes(): Promise<Outcome<KnownRoutes>>;
  /** Refuses with `stale_route`, `index_growing`, or `index_not_found` where the shard was merged away, or has lost what it stored. */
  put(ordinal: number, rows: RowPut): Promise<Outcome<{ readonly lsn: number }>>;
  remove(ordinal: number, removal: RowRemoval): Promise<Outcome<{ readonly lsn: number }>>;
  clear(ordinal: number, clearing: RowClearing): Promise<Outcome<RowsCleared>>;
}

/** What is known of a request whose key was claimed. */
export interface Claim {
  /** Once all of it is written, as far as this locator knows. */
  readonly wholeLsn: number | null;
  readonly billing: Billing | null;
}

/** How often a write is sent on because regions changed while it was under way: more is a defect. */
const REPLACED_MAX = 8;

/**
 * Knows the shards of each id; all writes of an id go through it, one at a time. A write is recorded before anything else is done, and sent
 * until every shard has its part; then the record is deleted and the write acknowledged. An interrupted write is finished by the next call.
 *
 * Invariant: no shard outside an id's location has a row of it, however many calls are still in flight.
 */
export class Locator {
  readonly #store: LocatorStore;
  readonly #peers: LocatorPeers;
  readonly #identity: { readonly indexId: IndexId; readonly ordinal: number };
  readonly #now: () => number;
  readonly #locks = new KeyLocks();
  readonly #running = new Set<number>();

  constructor(identity: Locator['identity'], store: LocatorStore, peers: LocatorPeers, now: () => number) {
    this.#identity = identity;
    this.#store = store;
    this.#peers = peers;
    this.#now = now;
    // If that fails, the alarm tries again.
    this.resume().catch(() => undefined);
  }

  get identity(): { readonly indexId: IndexId; readonly ordinal: number } {
    return this.#identity;
  }

  /** Whether anything is under way. */
  get isBusy(): boolean {
    return !this.#store.isIdle();
  }

  /**
   * All of it, eventually: when refused with `unavailable` or `index_growing` it may be done later. A repetition of a finished write
   * changes nothing; one of an interrupted write continues it.
   */
  write(write: LocatedWrite): Promise<Outcome<LocatedWritten>> {
    return this.#locks.hold(keysOf(write), async () => {
      const resumed = resumeWrite(write, write.idempotency, (repetition) => this.#store.receipt(repetition));
      if (!resumed.ok) return resumed;
      if (resumed.value.kind === 'repeated') return ok(resumed.value.written);
      // An interrupted try keeps its position among the writes of its ids: other writes may have come after it.
      const cutOff = write.idempotency === null ? undefined : this.#store.pendingOf(write.idempotency);
      if (cutOff !== undefined && cutOff.idempotency?.digest !== write.idempotency?.digest) return keyWroteOtherwise();
      const begun = cutOff ?? this.#store.beginWrite(partAt(write, resumed.value.positions));
      const written = await this.#tracked(begun);
      if (!written.ok || write.expected === undefined) return written.ok ? ok({ ...written.value, count: write.ids.length }) : written;
      const taken = new Set(keysOf(begun));
      return ok({ ...written.value, skipped: [...keysOf(write).entries()].flatMap(([i, key]) => (taken.has(key) ? [] : [i])) });
    });
  }

  /** Answers how many of the ids were there. */
  remove(removal: LocatedRemoval): Promise<Outcome<Written>> {
    return this.#locks.hold(keysOf(removal), async () => {
      const begun = this.#store.beginRemoval(removal);
      // They may just have been removed by a call whose answer was lost.
      return begun === undefined ? ok({ count: 0, lsn: this.#store.lsn() }) : this.#tracked(begun);
    });
  }

  /** Removes every id; answers how many there were. */
  clear(lsnSeen: number): Promise<Outcome<Written>> {
    return this.#locks.holdAll(async () => {
      const { ids } = this.#store.counts(0);
      const cleared = await this.#tracked(this.#store.beginClearing(lsnSeen, this.#now()));
      return cleared.ok ? ok({ ...cleared.value, count: ids }) : cleared;
    });
  }

  /** Continues everything that was interrupted. */
  async resume(): Promise<void> {
    const cutOff = this.#store.pending().filter(({ version }) => !this.#running.has(version));
    await Promise.all(
      cutOff.map((operation) => {
        // What was waited for may have been this: finished twice, it would undo what was moved in between.
        const finish = async () => (this.#store.isPending(operation) ? this.#tracked(operation) : undefined);
        return operation.kind === 'clearing' ? this.#locks.holdAll(finish) : this.#locks.hold(keysOf(operation), finish);
      }),
    );
  }

  /** Finishes the writes under way; returns whether none is left. The caller has to refuse writes that begin meanwhile. */
  async comeToRest(): Promise<boolean> {
    await this.#locks.holdAll(async () => undefined);
    await this.resume();
    return this.#store.isIdle();
  }

  find(keys: RowKeys): (Place | undefined)[] {
    return this.#store.find(keys);
  }

  /** Before rows are copied or moved: once that is granted, writes of the ids reach all these shards. */
  move({ ids, namespaces, versions, to, isNearer, isShared, isWhole, from, since }: RowMoves): MoveAnswer[] {
    return this.#store.find({ ids, namespaces }).map((place, i) => {
      if (place?.isPending === true) return 'busy';
      if (place === undefined || place.version !== versions[i] || !place.shards.includes(from)) return 'stays';
      const targets = to[i]!;
      const others = place.shards.filter((shard) => !targets.includes(shard));
      const isCopy = isShared[i] === true && (isWhole || others.length === 1);
      if (!isCopy && isNearer[i] !== true) return 'stays';
      for (const target of targets) this.#store.recordArrival(target, since);
      const isNew = others.length + targets.length > place.shards.length;
      if (isNew) this.#store.setShards(namespaces[i]!, ids[i]!, [...others, ...targets]);
      return isCopy ? 'copy' : 'move';
    });
  }

  /** After rows were removed that had been moved. */
  depart({ ids, namespaces, versions, from, since, lsn }: RowDepartures): void {
    // A caller that learns the LSN of a later write must not find the rows at a replica that lags behind their removal.
    this.#store.see(lsn);
    // A late repetition: meanwhile the shard received rows again.
    if (this.#store.arrivedAt(from) > since) return;
    for (const [i, place] of this.#store.find({ ids, namespaces }).entries()) {
      if (place === undefined || place.version !== versions[i] || place.isPending) continue;
      const shards = place.shards.filter((shard) => shard !== from);
      if (shards.length > 0) this.#store.setShards(namespaces[i]!, ids[i]!, shards);
    }
  }

  /** Claims an Idempotency-Key for a request of several locators; answers how far it is known to be. */
  claim(repetition: Repetition): Outcome<Claim> {
    const nowMs = this.#now();
    const { digest, done, billing } = this.#store.claim(repetition, billingOf(repetition, this.#identity.indexId, nowMs), nowMs);
    if (digest !== repetition.digest) return keyWroteOtherwise();
    return ok({ wholeLsn: done.find(({ parts }) => parts === WHOLE.parts)?.lsn ?? null, billing });
  }

  async #tracked(operation: Operation): Promise<Outcome<Written>> {
    this.#running.add(operation.version);
    try {
      return await this.#finish(operation);
    } finally {
      this.#running.delete(operation.version);
    }
  }

  #finish(operation: Operation): Promise<Outcome<Written>> {
    switch (operation.kind) {
      case 'write':
        return this.#finishWrite(operation);
      case 'removal':
        return this.#finishRemoval(operation);
      case 'clearing':
        return this.#finishClearing(operation);
    }
  }

  async #finishWrite(begun: PendingWrite): Promise<Outcome<Written>> {
    let write = begun;
    for (let replaced = 0; ; replaced += 1) {
      const current = this.#current(write);
      const put = await this.#put(write, current);
      if (put.ok) {
        const removed = await this.#removeElsewhere(write, current);
        if (!removed.ok) return removed;
        // For ids that later writes took over, nothing was sent.
        const lsn = current.length === 0 ? this.#store.lsn() : Math.max(put.value, removed.value);
        this.#store.finishWrite(write, lsn, this.#now());
        return ok({ count: write.ids.length, lsn });
      }
      if (!isMisplaced(put.error.code) || replaced === REPLACED_MAX) return put;
      const routes = await this.#peers.routes();
      if (!routes.ok) return routes;
      const places = await routes.value.placesFor(write);
      // Refused when they changed once more: they are asked for again.
      if (!places.ok && isMisplaced(places.error.code)) continue;
      if (!places.ok) return places;
      write = this.#store.replace(write, routes.value.summary.version, places.value);
    }
  }

  async #finishRemoval(removal: PendingRemoval): Promise<Outcome<Written>> {
    const current = this.#current(removal);
    const removed = await this.#removeElsewhere({ ...removal, places: removal.ids.map(() => []) }, current);
    if (!removed.ok) return removed;
    this.#store.finishRemoval(removal, removed.value);
    return ok({ count: current.length, lsn: removed.value });
  }

  async #finishClearing(clearing: PendingClearing): Promise<Outcome<Written>> {
    const { indexId, ordinal: locator } = this.#identity;
    // Asked for after all ids were forgotten: no shard that comes later receives any of them.
    const routes = await this.#peers.routes();
    if (!routes.ok) return routes;
    const cleared = await Promise.all(
      routes.value.summary.shards.map(async ({ ordinal }): Promise<Outcome<number>> => {
        for (let after = 0; ;) {
          const slice = await this.#peers.clear(ordinal, {
            indexId,
            locator,
            version: clearing.version,
            after,
            lsnSeen: this.#store.lsn(),
          });
          if (!slice.ok) return this.#nothingAt(ordinal, slice);
          if (slice.value.next === null) return ok(slice.value.lsn);
          after = slice.value.next;
        }
      }),
    );
    const lsn = largest(cleared);
    if (!lsn.ok) return lsn;
    this.#store.finishClearing(clearing, lsn.value);
    return ok({ count: 0, lsn: lsn.value });
  }

  /** A shard that was given up has no rows to remove; any other refusal stands. */
  async #nothingAt(ordinal: number, refused: Err<Refusal>): Promise<Outcome<number>> {
    const givenUp = await this.#givenUp(ordinal, refused);
    return givenUp.ok ? ok(0) : givenUp;
  }

  /**
   * Whether a shard that refused was given up, so that nothing of the index is there; otherwise why not. One that does not know the index
   * may have lost what it stored: then the routes, asked for after its answer, name it still, as it is erased only once they do not. [G41]
   */
  async #givenUp(ordinal: number, refused: Err<Refusal>): Promise<Outcome<null>> {
    if (refused.error.code !== 'index_not_found') return refused;
    const routes = await this.#peers.routes();
    if (!routes.ok) return routes;
    return routes.value.summary.shards.some((shard) => shard.ordinal === ordinal) ? shardLost(ordinal) : ok(null);
  }

  /** The ids of an operation that no later one took over, by their positions, and all shards that may have rows of them. */
  #current({ ids, namespaces, version }: RowKeys & { readonly version: number }): { at: number; shards: readonly number[] }[] {
    return this.#store.find({ ids, namespaces }).flatMap((place, at) => (place?.version === version ? [{ at, shards: place.shards }] : []));
  }

  async #put(write: PendingWrite, current: readonly { at: number }[]): Promise<Outcome<number>> {
    const { indexId } = this.#identity;
    const puts = byShard(current.map(({ at }) => [at, write.places[at]!])).map(async ([shard, positions]): Promise<Outcome<number>> => {
      const put = await this.#peers.put(shard, {
        indexId,
        routeVersion: write.routeVersion,
        versions: positions.map(() => write.version),
        lsnSeen: this.#store.lsn(),
        ...rowsAt(write, positions),
        copies: positions.map((at) => write.places[at]![0] !== shard),
      });
      if (put.ok) return ok(put.value.lsn);
      const givenUp = await this.#givenUp(shard, put);
      return givenUp.ok ? put : givenUp;
    });
    return largest(await Promise.all(puts));
  }

  async #removeElsewhere(
    { ids, namespaces, version, places }: RowKeys & Pick<PendingWrite, 'version' | 'places'>,
    current: readonly { at: number; shards: readonly number[] }[],
  ): Promise<Outcome<number>> {
    const { indexId } = this.#identity;
    const elsewhere = current.map(({ at, shards }): [number, number[]] => [at, shards.filter((shard) => !places[at]!.includes(shard))]);
    const removals = byShard(elsewhere).map(async ([shard, positions]): Promise<Outcome<number>> => {
      const keys = { ids: positions.map((at) => ids[at]!), namespaces: positions.map((at) => namespaces[at]!) };
      const removed = await this.#peers.remove(shard, { indexId, version, ...keys, lsnSeen: this.#store.lsn() });
      return removed.ok ? ok(removed.value.lsn) : this.#nothingAt(shard, removed);
    });
    return largest(await Promise.all(removals));
  }
}

const keysOf = ({ ids, namespaces }: RowKeys): string[] => ids.map((id, i) => `${namespaces[i]}\0${id}`);

function partAt(write: LocatedWrite, positions: readonly number[]): LocatedWrite {
  if (positions.length === write.ids.length) return write;
  return { ...write, ...rowsAt(write, positions), places: positions.map((at) => write.places[at] ?? []) };
}

const isMisplaced = (code: string): boolean => code === 'stale_route' || code === 'index_not_found';

/** Turns positions with shards into shards with positions. */
function byShard(places: readonly (readonly [number, readonly number[]])[]): [number, number[]][] {
  const pairs = places.flatMap(([at, shards]) => shards.map((shard) => ({ at, shard })));
  return [...grouped(pairs.map(({ shard }) => shard))].map(([shard, members]) => [shard, members.map((i) => pairs[i]!.at)]);
}

/** The largest, or the first refusal. */
function largest(outcomes: readonly Outcome<number>[]): Outcome<number> {
  let most = 0;
  for (const outcome of outcomes) {
    if (!outcome.ok) return outcome;
    most = Math.max(most, outcome.value);
  }
  return ok(most);
}
