import { describe, expect, it } from 'vitest';

import type { ReplicaPeers, ReplicaRecord } from '../../../../src/index/replicas/index-replicas.ts';
import { IndexReplicas } from '../../../../src/index/replicas/index-replicas.ts';
import { INDEX_LIMITS } from '../../../../src/contract/indexes/index-limits.ts';
import type { IndexId } from '../../../../src/kernel/ids.ts';
import { Seeded } from '../../../../src/kernel/seeded.ts';

const COPY_MS = 7_000;

/** An index with a given read load, and replicas that take some time to copy. Calls may fail. */
class World implements ReplicaPeers {
  readonly indexId = 'ix_replicas' as IndexId;
  record: ReplicaRecord | undefined;
  nowMs = 0;
  /** The LSN of the shard, and the one up to which copied replicas are complete. */
  lsn = 9;
  completeLsn = 9;
  /** The load of reads of shard 3, divided evenly among it and its ready replicas. */
  sharable = 0;
  readonly opened = new Map<number, number>();
  readonly erased: number[] = [];
  /** The share of calls that fail. */
  faults = 0;
  cutOff = 0;
  readonly random = new Seeded(5);

  get replicas(): IndexReplicas {
    return new IndexReplicas({ get: () => this.record, put: (record) => void (this.record = structuredClone(record)) }, this);
  }

  #call(): void {
    if (this.random.next() >= this.faults) return;
    this.cutOff += 1;
    throw new Error('cut off');
  }

  async primary() {
    this.#call();
    return { load: { exclusive: 0.05, sharable: this.sharable / (this.replicas.ready.length + 1) }, location: 'weur', lsn: this.lsn };
  }

  async replica({ replica }: { readonly replica: number }) {
    this.#call();
    const openedMs = this.opened.get(replica);
    if (openedMs === undefined) return undefined;
    const isCopied = this.nowMs - openedMs >= COPY_MS;
    const isReady = this.replicas.ready.some((one) => one.replica === replica);
    const load = { exclusive: 0, sharable: isReady ? this.sharable / (this.replicas.ready.length + 1) : 0 };
    return { completeLsn: isCopied ? this.completeLsn : null, load };
  }

  async open({ replica }: { readonly replica: number }): Promise<void> {
    this.#call();
    if (!this.opened.has(replica)) this.opened.set(replica, this.nowMs);
  }

  async erase({ replica }: { readonly replica: number }): Promise<void> {
    this.#call();
    this.erased.push(replica);
  }

  /** Runs alarms for `ms`. */
  async live(ms: number): Promise<void> {
    for (const endMs = this.nowMs + ms; this.nowMs < endMs; this.nowMs += INDEX_LIMITS.replicaTendMs) {
      await this.replicas.tend(this.nowMs).catch(() => undefined);
    }
  }
}

describe('IndexReplicas', () => {
  it('[F23] makes replicas for a busy shard, announces them once copied, and erases them when it is cold', async () => {
    const world = new World();
    expect(await world.replicas.tend(0)).toBe(undefined);
    world.sharable = 1.6;
    world.replicas.watch(3);
    await world.live(INDEX_LIMITS.replicaAddAfterMs + 4_000);
    expect([world.opened.size, world.replicas.ready]).toEqual([1, []]);
    await world.live(120_000);
    // With two replicas, 0.05 + 1.6 / 3 is the first load below 0.6.
    expect(world.replicas.ready).toEqual([1, 2].map((replica) => ({ shard: 3, replica, location: 'weur' })));
    world.sharable = 0.1;
    await world.live(INDEX_LIMITS.replicaRetireAfterMs + 4_000);
    // New routes do not name it any more, but it still answers callers with older ones.
    expect([world.replicas.ready.length, world.replicas.all.length, world.erased]).toEqual([1, 2, []]);
    await world.live(200_000);
    expect(world.erased).toEqual([2, 1]);
    expect(world.replicas.isWatching).toBe(false);
    expect(await world.replicas.tend(world.nowMs)).toBe(undefined);
  });

  it('[F26] finishes after an interruption at any call: no replica is lost or made twice', async () => {
    const world = new World();
    world.faults = 0.3;
    for (let round = 0; round < 10; round += 1) {
      world.sharable = 1.6;
      world.replicas.watch(3);
      await world.live(200_000);
      expect(world.replicas.ready.length).toBe(2);
      world.sharable = 0.05;
      await world.live(400_000);
      expect(world.replicas.all).toEqual([]);
    }
    expect(world.cutOff).toBeGreaterThan(100);
    expect([...world.opened.keys()].sort((a, b) => a - b)).toEqual([...new Set(world.erased)].sort((a, b) => a - b));
    expect(world.record!.highest).toBe(20);
  });

  it('[F26] retires the replicas of a shard that is gone', async () => {
    const world = new World();
    world.sharable = 1.6;
    world.replicas.watch(3);
    await world.live(60_000);
    world.replicas.follow({ shards: new Set([0, 1]), receiving: new Set() }, world.nowMs);
    expect(world.replicas.ready).toEqual([]);
    await world.live(INDEX_LIMITS.replicaGraceMs + 4_000);
    expect([world.replicas.all, world.replicas.isWatching]).toEqual([[], false]);
  });

  it('[RT11] announces a replica again only when it has all rows that its shard received', async () => {
    const world = new World();
    world.sharable = 1.6;
    world.replicas.watch(3);
    await world.live(120_000);
    const before = world.replicas.ready;
    expect(before.length).toBe(2);
    const receiving = new Set([3]);
    world.replicas.follow({ shards: new Set([1, 3]), receiving }, world.nowMs);
    expect([world.replicas.ready, world.replicas.all.length]).toEqual([[], 2]);
    // While rows are still moving, replicas are complete and will fall behind again.
    world.lsn = 12;
    world.completeLsn = 12;
    await world.replicas.tend(world.nowMs, receiving);
    expect(world.replicas.ready).toEqual([]);
    world.lsn = 13;
    await world.replicas.tend(world.nowMs);
    expect(world.replicas.ready).toEqual([]);
    world.completeLsn = 13;
    await world.replicas.tend(world.nowMs);
    expect(world.replicas.ready).toEqual(before);
  });

  it('[RT11] retires all replicas when another generation serves', async () => {
    const world = new World();
    world.sharable = 1.6;
    world.replicas.watch(3);
    await world.live(120_000);
    world.replicas.retireAll(world.nowMs);
    expect(world.replicas.ready).toEqual([]);
    world.sharable = 0;
    await world.live(INDEX_LIMITS.replicaGraceMs + 4_000);
    expect([world.replicas.all, world.replicas.isWatching]).toEqual([[], false]);
  });
});
