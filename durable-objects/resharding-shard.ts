import { DurableObject } from 'cloudflare:workers';
import { ShardEngine } from '../src/ann/shard/shard-engine.ts';
import type { RowClearing, RowPut, RowRemoval, RowsAsOf, RowsCleared } from '../src/ann/rows.ts';
import { ShardResharding } from '../src/index/resharding/shard-resharding.ts';
import type { Beside } from '../src/index/generations/generation-state.ts';
import type { DrainOrder, ShardRoute } from '../src/index/routing/shard-route.ts';
import type { PrimaryState } from '../src/index/replicas/index-replicas.ts';
import { Shard } from '../src/ann/shard/shard.ts';
import type { Read, Routed, ShardIdentity } from '../src/ann/shard-protocol.ts';
import { heldBytes } from '../src/ann/shard-protocol.ts';
import type { Outcome } from '../src/contract/api/outcome.ts';
import type { WriteLease } from '../src/contract/tenancy/write-lease.ts';
import { underLease } from '../src/contract/tenancy/write-lease.ts';
import { must } from '../src/kernel/assert.ts';
import type { IndexId } from '../src/kernel/ids.ts';
import type { ReshardingEnv } from './resharding-stubs.ts';
import { RESOURCES, inBackground, readQueue, SELECTIONS, fieldsOver } from './shard-resources.ts';
import { ShardPeers } from './shard-peers.ts';
import { ShardPulse } from './shard-pulse.ts';
import { SqliteRowVersions } from '../src/index/resharding/sqlite-row-versions.ts';
import { VectorStore } from '../src/ann/store/vector-store.ts';
import { StoredCell } from './stored-cell.ts';
import { answeredInSteps, readInSteps } from './wide-filters.ts';
import type { Steps } from '../src/kernel/stepped-work.ts';

/** A shard as its index and the other objects of the index know it. Opened and erased by the index's own object. */
export abstract class ReshardingShard extends DurableObject<ReshardingEnv> {
  readonly #name = this.ctx.id.toString();
  readonly #turns = readQueue();
  readonly #route = new StoredCell<ShardRoute>(this.ctx.storage, 'route');
  readonly #order = new StoredCell<DrainOrder>(this.ctx.storage, 'order');
  protected readonly store = new VectorStore(this.ctx.storage, undefined, fieldsOver(this.#name));
  protected readonly shard = new Shard(this.store, new ShardEngine(RESOURCES, this.#name, this.store), this.#name, SELECTIONS);
  protected readonly pulse = new ShardPulse(this.env, this.#route);
  readonly #growth = new ShardResharding(
    {
      shard: this.shard,
      store: this.store,
      versions: new SqliteRowVersions(this.ctx.storage),
      route: this.#route,
      order: this.#order,
    },
    new ShardPeers(this.env, this.#route, () => must(this.store.header(), 'a shard that grows is open').indexId),
  );

  /** Without a route, it stays the only shard of its index. Repeating it changes nothing. */
  open(identity: ShardIdentity, route?: ShardRoute, { mode = 'open', isFollowed = false }: Partial<Beside> = {}): void {
    const isNew = this.store.header() === undefined;
    this.shard.open(identity);
    if (isNew) this.store.setAccess({ mode, fencingToken: 0 });
    if (isNew && isFollowed) this.store.log.follow(must(this.store.header(), 'it was opened just now'), Date.now());
    if (route !== undefined) this.#growth.join(route);
  }

  /** Erases everything and answers how many vectors that were. Repeating it changes nothing; later calls find no index. */
  async erase(indexId: IndexId): Promise<number> {
    const count = this.shard.close(indexId);
    this.#route.forget();
    this.#order.forget();
    await this.ctx.storage.deleteAlarm();
    const erased = this.ctx.storage.deleteAll();
    this.shard.forget();
    await erased;
    return count;
  }

  async putRows(rows: RowPut): Promise<Outcome<{ lsn: number }>> {
    this.pulse.wrote();
    const outcome = this.#growth.rows.put(rows, Date.now());
    if (outcome.ok) await this.arm();
    return outcome;
  }

  lackingRows(rows: RowsAsOf): Outcome<number[]> {
    return this.#growth.rows.lacking(rows);
  }

  async removeRows(removal: RowRemoval): Promise<Outcome<{ lsn: number }>> {
    this.pulse.wrote();
    const outcome = this.#growth.rows.remove(removal, Date.now());
    if (outcome.ok) await this.arm(true);
    return outcome;
  }

  async clearRows(clearing: RowClearing): Promise<Outcome<RowsCleared>> {
    const outcome = this.#growth.rows.clear(clearing);
    if (outcome.ok) await this.arm();
    return outcome;
  }

  /** Orders the rows moved that belong to other shards; returns the LSN after which callers without that order are refused. */
  async drain(order: DrainOrder): Promise<number> {
    const { lsn } = must(this.store.header(), 'a shard that drains is open');
    this.#growth.drain(order);
    await this.ctx.storage.setAlarm(Date.now());
    return lsn;
  }

  /** The next write has a higher LSN than this. */
  raise(lsn: number): void {
    this.store.raiseLsn(lsn);
  }

  /** How busy it is, and how far its log goes. */
  standing(): PrimaryState | undefined {
    const header = this.store.header();
    if (header === undefined) return undefined;
    return { ...this.pulse.standing(), lsn: header.lsn };
  }

  /** Orders the ids exported to this many locators. */
  async export(locators: number): Promise<void> {
    this.#growth.export(locators);
    await this.ctx.storage.setAlarm(Date.now());
  }

  /** Does the work that is due, slice by slice with calls in between, and continues when there is more. */
  override async alarm(): Promise<void> {
    const nextMs = await inBackground(async (nowMs) => {
      const growthMs = await this.#growth.step(nowMs);
      return growthMs === nowMs ? growthMs : sooner(growthMs, this.shard.sweep(nowMs));
    });
    if (nextMs !== undefined) await this.ctx.storage.setAlarm(nextMs);
  }

  /** The version of the routes from which on callers are served. */
  protected get since(): number {
    return this.#route.get()?.since ?? 0;
  }

  /** What a call reads once it is its turn, unless it was routed by what is no longer so then. */
  protected reading<T>(call: Read, read: () => Outcome<T>, estimateMs?: () => number): Promise<Outcome<T>> {
    return answeredInSteps<T>(this.shard, (answer) =>
      this.#turns.read({ budgetMs: call.budgetMs, bytes: heldBytes(call), estimateMs }, () => answer(() => this.readingNow(call, read))),
    );
  }

  /** The same of what goes on in steps, with turns of others in between. */
  protected readingInSteps<T>(call: Read, begin: () => Outcome<Steps<Outcome<T>>>): Promise<Outcome<T>> {
    RESOURCES.pace.searched(Date.now());
    return answeredInSteps<T>(this.shard, (answer) =>
      this.#turns.read({ budgetMs: call.budgetMs, bytes: heldBytes(call) }, async () => {
        const found = await readInSteps(answer, () => this.readingNow(call, begin), call.budgetMs);
        // Rows may have gone to another shard meanwhile.
        return this.readingNow(call, () => found);
      }),
    );
  }

  /** The same, at once: for what is read from one row. */
  protected readingNow<T>(call: Routed, read: () => Outcome<T>): Outcome<T> {
    const allowed = this.#growth.rows.checkRead(call);
    return allowed.ok ? read() : allowed;
  }

  protected async writing<T>(
    call: Routed,
    lease: WriteLease | undefined,
    write: () => Outcome<T>,
    hasReceipt = false,
  ): Promise<Outcome<T>> {
    this.pulse.wrote();
    const outcome = await answeredInSteps<T>(this.shard, async (answer) => {
      // [T54] Checked and written in one step: nothing is awaited in between.
      const leased = underLease(lease, Date.now());
      const allowed = leased.ok ? this.#growth.rows.checkWrite(call) : leased;
      return allowed.ok ? this.#growth.rows.unlessFull(answer(write)) : allowed;
    });
    if (outcome.ok) await this.arm(hasReceipt);
    return outcome;
  }

  /** Sees to it that the alarm comes soon, if there may be something to do; a receipt or a tombstone only has to be swept some day. */
  protected async arm(hasRest = false): Promise<void> {
    const [alarmMs, soonMs] = [await this.ctx.storage.getAlarm(), Date.now() + this.shard.sweepDelayMs(Date.now())];
    const isDue = () => this.shard.isSweepDue() || this.#growth.isDue();
    const isNeeded = alarmMs === null ? hasRest || isDue() : alarmMs > soonMs && isDue();
    if (isNeeded) await this.ctx.storage.setAlarm(soonMs);
  }
}

const sooner = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? (a ?? b) : Math.min(a, b);
