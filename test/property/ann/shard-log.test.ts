import * as fc from 'fast-check';
import { expect, it } from 'vitest';

import { VectorStore } from '../../../src/ann/store/vector-store.ts';
import { ShardEngine } from '../../../src/ann/shard/shard-engine.ts';
import { SelectionCache } from '../../../src/ann/filter/selection.ts';
import type { ChangeCursor, ChangePage } from '../../../src/ann/store/change-log.ts';
import { tellChanges } from '../../../src/ann/replication/changes.ts';
import { Shard } from '../../../src/ann/shard/shard.ts';
import type { Written } from '../../../src/ann/shard-protocol.ts';
import { INDEX_LIMITS } from '../../../src/contract/indexes/index-limits.ts';
import type { IndexId } from '../../../src/kernel/ids.ts';
import { effort } from '../../support/fixtures/effort.ts';
import { NodeSql } from '../../support/fakes/node-sql.ts';
import { keyOf, smallFloor, value } from '../../support/worlds/shard-world.ts';

const NAMESPACES = ['', 'a', 'b'];
const REMOVALS_MAX = 60;
const FOLLOWERS = 3;
const DIMENSIONS = 2;
const indexId = 'ix_log' as IndexId;

const floor = smallFloor(20 * 65_536);
const namespace = fc.constantFrom(...NAMESPACES);
const ids = fc.uniqueArray(
  fc.nat(40).map((id) => `v${id}`),
  { minLength: 1, maxLength: 25 },
);
const follower = fc.nat(FOLLOWERS - 1);
const step = fc.oneof(
  { weight: 14, arbitrary: fc.record({ kind: fc.constant('upsert' as const), namespace, ids, number: fc.nat(99), ahead: fc.nat(4) }) },
  { weight: 10, arbitrary: fc.record({ kind: fc.constant('delete' as const), namespace, ids, ahead: fc.nat(4) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('deleteBelow' as const), namespace, number: fc.nat(99) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('deleteAll' as const) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('evict' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('idle' as const) }) },
  {
    weight: 30,
    arbitrary: fc.record({ kind: fc.constant('follow' as const), follower, countMax: fc.integer({ min: 1, max: 40 }), ahead: fc.nat(9) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('forget' as const), follower }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

interface Stored {
  readonly values: readonly number[];
  readonly metadata: string | null;
  readonly text: string | null;
}

/** Applies pages of changes in order, with no other knowledge of the shard. */
class Follower {
  cursor: ChangeCursor | null = null;
  held = new Map<string, Stored>();
  isComplete = false;

  apply({ isCleared, removed, upserted, next, isComplete }: ChangePage): void {
    if (isCleared) this.held.clear();
    for (const [i, id] of removed.ids.entries()) this.held.delete(keyOf(removed.namespaces[i]!, id));
    for (const [i, id] of upserted.ids.entries()) {
      const values = [...upserted.values.subarray(i * DIMENSIONS, (i + 1) * DIMENSIONS)];
      this.held.set(keyOf(upserted.namespaces[i]!, id), { values, metadata: upserted.metadata[i]!, text: upserted.texts[i]! });
    }
    this.cursor = next;
    this.isComplete = isComplete;
  }
}

class World {
  readonly sql = new NodeSql();
  readonly truth = new Map<string, Stored>();
  /** By vector: the LSN of its last removal. */
  readonly removedBy = new Map<string, number>();
  readonly followers = Array.from({ length: FOLLOWERS }, () => new Follower());
  readonly count: (what: string) => void;
  nowMs = 1_000_000;
  lsn = 0;
  store!: VectorStore;
  shard!: Shard;

  constructor(count: (what: string) => void) {
    this.count = count;
    this.evict();
    this.shard.open({ indexId, dimensions: DIMENSIONS, metric: 'dot' });
  }

  evict(): void {
    this.store = new VectorStore(this.sql, REMOVALS_MAX);
    this.shard = new Shard(this.store, new ShardEngine(floor, 'log', this.store), 'log', new SelectionCache(1 << 16));
  }

  expectLater({ lsn }: Written, lsnSeen: number): void {
    expect(lsn).toBe(Math.max(this.lsn, lsnSeen) + 1);
    this.lsn = lsn;
  }

  remove(keys: readonly string[]): void {
    for (const key of keys) if (this.truth.delete(key)) this.removedBy.set(key, this.lsn);
  }
}

const PERFORM: { readonly [K in Step['kind']]: (world: World, action: Extract<Step, { kind: K }>) => void } = {
  upsert: (world, action) => {
    const lsnSeen = world.lsn + action.ahead - 2;
    const rows = action.ids.map((id, i) => ({
      id,
      stored: { values: [i, action.number], metadata: JSON.stringify({ n: action.number }), text: i % 2 === 0 ? null : `text of ${id}` },
    }));
    const batch = {
      indexId,
      ids: action.ids,
      namespaces: action.ids.map(() => action.namespace),
      values: Float32Array.from(rows.flatMap(({ stored }) => stored.values)),
      metadata: rows.map(({ stored }) => stored.metadata),
      texts: rows.map(({ stored }) => stored.text),
      repetition: null,
      lsnSeen,
    };
    world.expectLater(value(world.shard.upsert(batch, world.nowMs)), lsnSeen);
    for (const { id, stored } of rows) world.truth.set(keyOf(action.namespace, id), stored);
  },
  delete: (world, action) => {
    const lsnSeen = world.lsn + action.ahead - 2;
    const isThere = [...world.truth.keys()].some((key) => (JSON.parse(key) as string[])[0] === action.namespace);
    const deleted = value(
      world.shard.delete({ indexId, selection: { kind: 'ids', namespace: action.namespace, ids: action.ids }, lsnSeen }),
    );
    if (!isThere) return;
    world.expectLater(deleted, lsnSeen);
    world.remove(action.ids.map((id) => keyOf(action.namespace, id)));
  },
  deleteBelow: (world, action) => {
    const filter = {
      kind: 'range',
      path: 'n',
      type: 'number',
      interval: { max: { value: action.number, closed: false } },
    } as const;
    const selection = { kind: 'filter', namespace: action.namespace, filter, after: 0 } as const;
    const { lsn, next } = value(world.shard.delete({ indexId, selection }));
    expect(next).toBe(null);
    world.lsn = lsn;
    const gone = [...world.truth].filter(
      ([key, { values }]) => (JSON.parse(key) as string[])[0] === action.namespace && values[1]! < action.number,
    );
    world.remove(gone.map(([key]) => key));
  },
  deleteAll: (world) => {
    world.expectLater(value(world.shard.delete({ indexId, selection: { kind: 'all' } })), 0);
    world.remove([...world.truth.keys()]);
  },
  evict: (world) => world.evict(),
  idle: (world) => {
    world.nowMs += INDEX_LIMITS.shardLogIdleMs + 1;
    while (world.shard.sweep(world.nowMs) === world.nowMs);
    world.count('idled');
  },
  follow: (world, action) => {
    const known = world.followers[action.follower]!;
    const lsnMin = world.lsn + action.ahead - 8;
    const changes = value(tellChanges(world.store, { indexId, after: known.cursor, countMax: action.countMax, lsnMin }, world.nowMs));
    world.lsn = Math.max(world.lsn, lsnMin);
    if (changes.kind === 'snapshot-needed') {
      world.count('snapshot');
      expect(known.cursor, 'a snapshot can always begin').not.toBe(null);
      world.followers[action.follower] = new Follower();
      return;
    }
    expect(changes.lsn).toBe(world.lsn);
    if (changes.isCleared) world.count('cleared');
    if (changes.removed.ids.some((id, i) => known.held.has(keyOf(changes.removed.namespaces[i]!, id)))) world.count('removed');
    expect(changes.upserted.ids.length).toBeLessThanOrEqual(action.countMax);
    known.apply(changes);
    for (const key of known.held.keys()) {
      if (!world.truth.has(key)) expect(world.removedBy.get(key)!, `${key} was removed`).toBeGreaterThan(changes.next.lsn);
    }
    world.count(changes.isComplete ? 'complete' : 'cut');
    if (changes.isComplete) expect(known.held).toEqual(world.truth);
  },
  forget: (world, action) => void (world.followers[action.follower] = new Follower()),
};

it('[F1][F2][F3] at the end of the log a follower equals its shard, whatever was written or lost', () => {
  const seen = new Map<string, number>();
  const count = (what: string) => void seen.set(what, (seen.get(what) ?? 0) + 1);
  fc.assert(
    fc.property(fc.array(step, { minLength: 60, maxLength: 120, size: 'max' }), (steps) => {
      const world = new World(count);
      for (const action of steps) (PERFORM[action.kind] as (world: World, action: Step) => void)(world, action);
      // A follower catches up, however far behind it is.
      for (const [at] of world.followers.entries()) {
        world.followers[at]!.isComplete = false;
        for (let pages = 0; pages < 500 && !world.followers[at]!.isComplete; pages += 1) {
          PERFORM.follow(world, { kind: 'follow', follower: at, countMax: 7, ahead: 0 });
        }
        expect(world.followers[at]!.held).toEqual(world.truth);
      }
    }),
    { seed: 41, numRuns: effort(25) },
  );
  for (const what of ['complete', 'cut', 'removed', 'cleared', 'snapshot', 'idled']) expect(seen.get(what) ?? 0, what).toBeGreaterThan(20);
});

it('[F2] a shard without a follower logs nothing, and one whose follower is gone stops after a while', () => {
  const world = new World(() => {});
  const logged = () => world.sql.sql.exec<{ n: number }>('SELECT COUNT(*) AS n FROM removals').one().n;
  const write = () => {
    PERFORM.upsert(world, { kind: 'upsert', namespace: '', ids: ['a', 'b', 'c'], number: 1, ahead: 0 });
    PERFORM.delete(world, { kind: 'delete', namespace: '', ids: ['a', 'b'], ahead: 0 });
  };
  write();
  expect(logged()).toBe(0);
  PERFORM.follow(world, { kind: 'follow', follower: 0, countMax: 10, ahead: 0 });
  write();
  expect(logged()).toBe(2);
  PERFORM.idle(world, { kind: 'idle' });
  write();
  expect(logged()).toBe(0);
});
