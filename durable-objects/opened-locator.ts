import type { Addressed, AccessMode, AccessState } from '../src/ann/access-mode.ts';
import { AccessControl, INDEX_OBJECT, OPEN } from '../src/ann/access-mode.ts';
import { LIMITS } from '../src/contract/limits.ts';
import type { Outcome } from '../src/contract/outcome.ts';
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

interface Opened {
  readonly locator: Locator;
  readonly store: SqliteLocatorStore;
}

/** What a locator was opened as, and the locator for callers that its access mode serves. */
export class OpenedLocator {
  readonly #storage: DurableObjectStorage;
  readonly #env: ReshardingEnv;
  readonly #identity: StoredCell<LocatorIdentity>;
  readonly #gate: StoredCell<AccessState>;
  readonly #control: AccessControl;
  #opened: Opened | undefined;

  constructor(storage: DurableObjectStorage, env: ReshardingEnv) {
    this.#storage = storage;
    this.#env = env;
    this.#identity = new StoredCell(storage, 'identity');
    this.#gate = new StoredCell(storage, 'gate');
    this.#control = new AccessControl({
      indexId: () => this.#identity.get()?.indexId,
      gate: () => this.#gate.get() ?? OPEN,
      setGate: (state) => this.#gate.put(state),
    });
  }

  get identity(): LocatorIdentity | undefined {
    return this.#identity.get();
  }

  /** Of a shadow generation: closed to all calls but its follower's. */
  open(identity: LocatorIdentity, gate: AccessMode): void {
    const known = this.#identity.get();
    assert(known === undefined || known.indexId === identity.indexId, 'a locator is named by its index id');
    if (known !== undefined) return;
    this.#gate.put({ gate, run: 0 });
    this.#identity.put(identity);
  }

  forget(): void {
    this.#opened = undefined;
    this.#identity.forget();
    this.#gate.forget();
  }

  setGate(indexId: IndexId, gate: AccessMode, run: number): Outcome<null> {
    return this.#control.set(indexId, gate, run);
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
  const reader = new RouteReader(LIMITS.locatorRouteBytesMax, { clock: { nowMs: () => Date.now() }, wakeUps: new DirectWakeUps() });
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
