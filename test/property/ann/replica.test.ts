import * as fc from 'fast-check';
import { expect, it } from 'vitest';

import { FollowerStore } from '../../../src/ann/store/follower-store.ts';
import { VectorStore } from '../../../src/ann/store/vector-store.ts';
import { ShardEngine } from '../../../src/ann/shard/shard-engine.ts';
import { SelectionCache } from '../../../src/ann/filter/selection.ts';
import type { ReadConsistency } from '../../../src/ann/replication/read-consistency.ts';
import { Replica } from '../../../src/ann/replication/replica.ts';
import { tellChanges } from '../../../src/ann/replication/changes.ts';
import { Shard } from '../../../src/ann/shard/shard.ts';
import { refuse } from '../../../src/contract/api/outcome.ts';
import type { IndexId } from '../../../src/kernel/ids.ts';
import { Clusters } from '../../support/fixtures/clusters.ts';
import { effort } from '../../support/fixtures/effort.ts';
import { FailingSql } from '../../support/fakes/failing-sql.ts';
import type { WorldVector } from '../../support/worlds/shard-world.ts';
import { expectNothingLeaked, keyOf, smallFloor, value } from '../../support/worlds/shard-world.ts';

const indexId = 'ix_replica' as IndexId;
const DIMENSIONS = 6;
const REMOVALS_MAX = 25;
const NAMESPACES = ['', 'a'];

const namespace = fc.constantFrom(...NAMESPACES);
const numbers = fc.uniqueArray(fc.nat(120), { minLength: 1, maxLength: 60, size: 'max' });
const step = fc.oneof(
  { weight: 14, arbitrary: fc.record({ kind: fc.constant('upsert' as const), namespace, numbers }) },
  { weight: 10, arbitrary: fc.record({ kind: fc.constant('delete' as const), namespace, numbers }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'deleteAll' as const }) },
  { weight: 14, arbitrary: fc.record({ kind: fc.constant('pull' as const) }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('fail' as const), writes: fc.nat(30) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('cutOff' as const) }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('evict' as const) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('sweep' as const), slices: fc.integer({ min: 1, max: 40 }) }) },
  { weight: 14, arbitrary: fc.record({ kind: fc.constant('read' as const), namespace, ago: fc.nat(12) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** A primary, its replica, and the primary's vectors after each of its writes. */
class World {
  readonly floor = smallFloor(20 * 65_536);
  readonly source = new Clusters({ dimensions: DIMENSIONS, count: 8, spread: 0.3, seed: 11 });
  readonly primarySql = new FailingSql();
  readonly replicaSql = new FailingSql();
  readonly vectors = new Map<string, WorldVector>();
  /** By LSN. */
  readonly history = new Map<number, ReadonlyMap<string, WorldVector>>([[0, new Map()]]);
  readonly count: (what: string) => void;
  lsn = 0;
  nowMs = 1_000_000;
  isCutOff = false;
  primary!: Shard;
  shard!: Shard;
  replica!: Replica;

  constructor(count: (what: string) => void) {
    this.count = count;
    this.evict();
    const identity = { indexId, dimensions: DIMENSIONS, metric: 'cosine' } as const;
    this.primary.open(identity);
    this.shard.open(identity);
    this.replica.follow('primary');
  }

  evict(): void {
    const store = new VectorStore(this.primarySql, REMOVALS_MAX);
    this.primary = new Shard(store, new ShardEngine(this.floor, 'primary', store), 'primary', new SelectionCache(1 << 16));
    const copy = new VectorStore(this.replicaSql, REMOVALS_MAX);
    const engine = new ShardEngine(this.floor, 'replica', copy);
    this.shard = new Shard(copy, engine, 'replica', new SelectionCache(1 << 16));
    const state = new FollowerStore(copy.storage);
    this.replica = new Replica({
      store: copy,
      engine,
      state,
      ask: async (name, follow) => {
        expect(name).toBe('primary');
        if (this.isCutOff) return refuse('unavailable', 'cut off');
        // Pages much smaller than the changes waiting.
        return tellChanges(store, { ...follow, countMax: 25 }, this.nowMs);
      },
    });
  }

  wrote(lsn: number): void {
    expect(lsn).toBeGreaterThan(this.lsn);
    this.lsn = lsn;
    this.history.set(lsn, new Map(this.vectors));
  }

  /** The replica's answer, and the LSN up to which it claims to be complete. */
  async read(consistency: ReadConsistency, asked: string) {
    const readable = await this.replica.readable(consistency, this.nowMs);
    if (!readable.ok) return undefined;
    const target = { kind: 'values', values: this.source.next().slice() } as const;
    const include = { values: true, metadata: false, text: false };
    const query = { indexId, target, namespace: asked, topK: 1_000, filter: null, excludeIds: [], include, exact: true };
    return { lsn: readable.value, found: value(this.shard.query(query)) };
  }
}

type Perform = { readonly [K in Step['kind']]: (world: World, action: Extract<Step, { kind: K }>) => Promise<void> | void };

const PERFORM: Perform = {
  upsert: (world, action) => {
    const written = action.numbers.map((n) => ({ namespace: action.namespace, id: `v${n}`, values: world.source.next().slice(), n }));
    const batch = {
      indexId,
      ids: written.map(({ id }) => id),
      namespaces: written.map(() => action.namespace),
      values: Float32Array.from(written.flatMap(({ values }) => [...values])),
      metadata: written.map(({ n }) => JSON.stringify({ n })),
      texts: written.map(() => null),
      repetition: null,
    };
    const { lsn } = value(world.primary.upsert(batch, world.nowMs));
    for (const one of written) world.vectors.set(keyOf(one.namespace, one.id), one);
    world.wrote(lsn);
  },
  delete: (world, action) => {
    const ids = action.numbers.map((n) => `v${n}`);
    const { lsn, count } = value(world.primary.delete({ indexId, selection: { kind: 'ids', namespace: action.namespace, ids } }));
    for (const id of ids) world.vectors.delete(keyOf(action.namespace, id));
    if (count > 0 || lsn > world.lsn) world.wrote(lsn);
  },
  deleteAll: (world) => {
    const { lsn } = value(world.primary.delete({ indexId, selection: { kind: 'all' } }));
    world.vectors.clear();
    world.wrote(lsn);
  },
  pull: async (world) => {
    const before = world.replica.state!;
    const result = await world.replica.pull(world.nowMs);
    world.count(result);
    if (before.cursor !== null && world.replica.state!.cursor === null) world.count('anew');
    if (result !== 'complete') return;
    expect(world.replica.state!.completeLsn).toBe(world.lsn);
    expect(value(world.shard.stats({ indexId })).count).toBe(world.vectors.size);
  },
  fail: async (world, { writes }) => {
    const before = world.replica.state;
    world.replicaSql.writesLeft = writes;
    try {
      await world.replica.pull(world.nowMs);
    } catch {
      world.count('failed');
      expect(world.replica.state).toEqual(before);
    }
    world.replicaSql.writesLeft = Infinity;
  },
  cutOff: (world) => void (world.isCutOff = !world.isCutOff),
  evict: (world) => world.evict(),
  sweep: (world, { slices }) => {
    for (let slice = 0; slice < slices && world.shard.sweep(world.nowMs) === world.nowMs; slice += 1);
    if (value(world.shard.stats({ indexId })).count > 200) world.count('kept up');
  },
  read: async (world, action) => {
    const lsnMin = Math.max(0, world.lsn - action.ago);
    const isOld = world.lsn - (world.replica.state!.completeLsn ?? 0) > action.ago;
    const consistency = action.ago > 9 ? ({ kind: 'eventual' } as const) : ({ kind: 'min-lsn', lsn: lsnMin } as const);
    const answer = await world.read(consistency, action.namespace);
    if (answer === undefined) return world.count('refused');
    if (consistency.kind === 'min-lsn') {
      expect(answer.lsn).toBeGreaterThanOrEqual(lsnMin);
      if (isOld) world.count('caught up to read');
    }
    const { ids } = answer.found;
    // A vector written up to that LSN is there, unless a later write removed or replaced it.
    const promised = world.history.get(answer.lsn)!;
    const found = new Map(
      ids.map((id, i) => [keyOf(action.namespace, id), answer.found.values!.slice(i * DIMENSIONS, (i + 1) * DIMENSIONS)]),
    );
    for (const [key, vector] of promised) {
      if (vector.namespace === action.namespace && world.vectors.get(key) === vector) expect(found.get(key)).toEqual(vector.values);
    }
    // A vector removed by then and not written again is not there.
    for (const key of found.keys()) if (!promised.has(key)) expect(latestSince(world, answer.lsn, key), `${key} resurrected`).toBe(true);
    world.count(answer.lsn < world.lsn ? 'read the past' : 'read the present');
  },
};

/** Whether the vector existed after any write later than `lsn`. */
const latestSince = (world: World, lsn: number, key: string): boolean =>
  [...world.history].some(([at, vectors]) => at > lsn && vectors.has(key));

it('[F20][F21][F22] a replica is complete up to its LSN, through removals, crashes and evictions', async () => {
  const seen = new Map<string, number>();
  const count = (what: string) => void seen.set(what, (seen.get(what) ?? 0) + 1);
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 80, maxLength: 160, size: 'max' }), async (steps) => {
      const world = new World(count);
      for (const action of steps) {
        await (PERFORM[action.kind] as (world: World, action: Step) => Promise<void> | void)(world, action);
      }
      world.isCutOff = false;
      for (let pulls = 0; pulls < 200 && (await world.replica.pull(world.nowMs)) !== 'complete'; pulls += 1);
      for (const asked of NAMESPACES) {
        const answer = (await world.read({ kind: 'min-lsn', lsn: world.lsn }, asked))!;
        const truth = [...world.vectors.values()].filter((vector) => vector.namespace === asked);
        expect(new Set(answer.found.ids)).toEqual(new Set(truth.map(({ id }) => id)));
      }
      expectNothingLeaked(world.floor);
    }),
    { seed: 20, numRuns: effort(12), endOnFailure: true },
  );
  for (const what of [
    'complete',
    'behind',
    'unreachable',
    'anew',
    'failed',
    'caught up to read',
    'refused',
    'read the past',
    'read the present',
  ]) {
    expect(seen.get(what) ?? 0, what).toBeGreaterThan(3);
  }
});
