import type { Addressed, AccessMode, AccessState } from '../src/ann/access-mode.ts';
import { AccessControl, INDEX_OBJECT, OPEN } from '../src/ann/access-mode.ts';
import { INDEX_LIMITS } from '../src/contract/indexes/index-limits.ts';
import type { Outcome } from '../src/contract/api/outcome.ts';
import { indexObjectName, shardName } from '../src/index/index-manifest.ts';
import type { LocatorPeers } from '../src/index/locators/locator.ts';
import { Locator } from '../src/index/locators/locator.ts';
import type { RouteSource } from '../src/index/routing/route-reader.ts';
import { RouteReader } from '../src/index/routing/route-reader.ts';
import { assert, must } from '../src/kernel/assert.ts';
import type { IndexId } from '../src/kernel/ids.ts';
import { DirectWakeUps } from '../src/kernel/wake-ups.ts';
import type { LocatorIdentity } from './locator-identity.ts';
import { partOf } from './locator-identity.ts';
import { reach } from './platform-fault.ts';
import type { IndexReshardingStub, ReshardingEnv, ShardRowsStub } from './resharding-stubs.ts';
import { SqliteLocatorStore } from '../src/index/locators/sqlite-locator-store.ts';
import { StoredCell } from './stored-cell.ts';
import { systemClock } from './system-time.ts';

interface Opened {
  readonly locator: Locator;
  readonly store: SqliteLocatorStore;
}

/** The names under which an access state was first stored. */
interface StoredAccess {
  readonly gate: AccessMode;
  readonly run: number;
}

const stored = ({ mode, fencingToken }: AccessState): StoredAccess => ({ gate: mode, run: fencingToken });
const accessOf = (kept: StoredAccess | undefined): AccessState => (kept === undefined ? OPEN : { mode: kept.gate, fencingToken: kept.run });

/** What a locator was opened as, and the locator for callers that its access mode serves. */
export class OpenedLocator {
  readonly #storage: DurableObjectStorage;
  readonly #env: ReshardingEnv;
  readonly #identity: StoredCell<LocatorIdentity>;
  readonly #access: StoredCell<StoredAccess>;
  readonly #control: AccessControl;
  #opened: Opened | undefined;

  constructor(storage: DurableObjectStorage, env: ReshardingEnv) {
    this.#storage = storage;
    this.#env = env;
    this.#identity = new StoredCell(storage, 'identity');
    this.#access = new StoredCell(storage, 'gate');
    this.#control = new AccessControl({
      indexId: () => this.#identity.get()?.indexId,
      access: () => accessOf(this.#access.get()),
      setAccess: (state) => this.#access.put(stored(state)),
    });
  }

  get identity(): LocatorIdentity | undefined {
    return this.#identity.get();
  }

  /** Of a shadow generation: closed to all calls but its follower's. */
  open(identity: LocatorIdentity, mode: AccessMode): void {
    const known = this.#identity.get();
    assert(known === undefined || known.indexId === identity.indexId, 'a locator is named by its index id');
    if (known !== undefined) return;
    this.#access.put(stored({ mode, fencingToken: 0 }));
    this.#identity.put(identity);
  }

  forget(): void {
    this.#opened = undefined;
    this.#identity.forget();
    this.#access.forget();
  }

  setAccess(indexId: IndexId, mode: AccessMode, fencingToken: number): Outcome<null> {
    return this.#control.set(indexId, mode, fencingToken);
  }

  /** Refuses as `AccessControl` does. */
  async with<T>(call: Addressed, work: (opened: Opened) => Promise<Outcome<T>>, isWrite = false): Promise<Outcome<T>> {
    const passed = this.#control.pass(call, isWrite);
    if (!passed.ok) return passed;
    if (this.#opened === undefined) {
      const identity = must(this.#identity.get(), 'a locator that lets pass is open');
      const store = new SqliteLocatorStore(this.#storage, partOf(identity));
      this.#opened = { store, locator: new Locator(identity, store, locatorPeers(this.#env, identity), () => Date.now()) };
    }
    return work(this.#opened);
  }

  /** For an object of the index, perhaps this one. */
  within<T>(indexId: IndexId, work: (opened: Opened) => Promise<Outcome<T>>): Promise<Outcome<T>> {
    return this.with({ indexId, caller: INDEX_OBJECT }, work);
  }
}

/** The objects that a locator asks. */
export function locatorPeers(env: ReshardingEnv, { tenantId, indexId, name }: LocatorIdentity): LocatorPeers {
  const index: IndexReshardingStub = env.INDEX.getByName(indexObjectName(tenantId, name));
  const shard = (ordinal: number): ShardRowsStub => env.SHARD.getByName(shardName({ tenantId, id: indexId }, ordinal));
  // All calls of a Durable Object have one I/O context: there the leader may wake its waiters.
  const reader = new RouteReader(INDEX_LIMITS.locatorRouteBytesMax, { clock: systemClock, wakeUps: new DirectWakeUps() });
  const source: RouteSource = {
    indexId,
    routingSummary: (known) => reach(() => index.routingSummary(name, indexId, known)),
    regions: (group, since) => reach(() => index.regions(name, indexId, group, since)),
  };
  return {
    routes: () => reader.ask(source),
    put: (ordinal, rows) => reach(() => shard(ordinal).putRows(rows)),
    remove: (ordinal, removal) => reach(() => shard(ordinal).removeRows(removal)),
    clear: (ordinal, clearing) => reach(() => shard(ordinal).clearRows(clearing)),
  };
}
