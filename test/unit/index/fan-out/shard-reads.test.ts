import { VECTOR_LIMITS } from '../../../../src/contract/vectors/vector-limits.ts';
import { describe, expect, it } from 'vitest';

import { FanOut } from '../../../../src/index/fan-out/fan-out.ts';
import { searchGroup } from '../../../../src/index/fan-out/group-search.ts';
import { MemberChoice } from '../../../../src/index/fan-out/member-choice.ts';
import type { Reading } from '../../../../src/index/fan-out/shard-reads.ts';
import { ShardReads } from '../../../../src/index/fan-out/shard-reads.ts';
import type { IndexManifest } from '../../../../src/index/index-manifest.ts';
import type { ReadConsistency } from '../../../../src/ann/replication/read-consistency.ts';
import { STRONG } from '../../../../src/ann/replication/read-consistency.ts';
import { MANIFEST, MemberWorld } from '../../../support/worlds/member-world.ts';
import { value } from '../../../support/worlds/shard-world.ts';

const EVENTUAL: ReadConsistency = { kind: 'eventual' };
const REPLICATED = {
  ...MANIFEST,
  replicas: [
    { shard: 0, replica: 1, location: null },
    { shard: 0, replica: 2, location: 'weur' },
    { shard: 3, replica: 7, location: null },
  ],
};
const target = { kind: 'values', values: Float32Array.of(1, 0) } as const;
const include = { values: false, metadata: false, text: false };
const QUERY = { indexId: MANIFEST.id, target, namespace: '', topK: 5, filter: null, excludeIds: [], include };

describe('ShardReads', () => {
  it('[F32] sends strong reads to shards only, and others also to their replicas, in turn', async () => {
    const world = new MemberWorld();
    for (let n = 0; n < 6; n += 1) await world.time.run(world.reads.query(REPLICATED, QUERY, { consistency: STRONG }));
    expect(new Set(world.asked.map(({ replica }) => replica))).toEqual(new Set([null]));
    world.asked.length = 0;
    for (let n = 0; n < 30; n += 1) await world.time.run(world.reads.query(REPLICATED, QUERY, { consistency: EVENTUAL }));
    expect(world.asked.length).toBe(30);
    for (const replica of [null, 1, 2]) expect(world.asked.filter((member) => member.replica === replica).length).toBeGreaterThan(5);
  });

  it('[F43] calls another member at once when refused, and the refusing one last for a while', async () => {
    const world = new MemberWorld();
    world.behave(0, { takesMs: 1, fails: 'overloaded' });
    world.behave(0, { takesMs: 20 }, 1);
    world.behave(0, { takesMs: 20 }, 2);
    const times = (member: number | null) => world.asked.filter(({ replica }) => replica === member).length;
    for (let n = 0; n < 60; n += 1) {
      const startedMs = world.time.nowMs();
      expect((await world.time.run(world.reads.query(REPLICATED, QUERY, { consistency: EVENTUAL }))).ok).toBe(true);
      expect(world.time.nowMs() - startedMs).toBeLessThanOrEqual(21);
    }
    expect(times(null)).toBeGreaterThan(0);
    expect(times(null)).toBeLessThan(5);
    world.behave(0, { takesMs: 1, fails: undefined });
    await world.time.run(world.time.sleep(60_000));
    for (let n = 0; n < 60; n += 1) await world.time.run(world.reads.query(REPLICATED, QUERY, { consistency: EVENTUAL }));
    expect(times(null)).toBeGreaterThan(40);
  });

  it('[F41] sends its time budget along: half to the first member, the rest to the other', async () => {
    const world = new MemberWorld();
    for (const replica of [null, 1, 2]) world.behave(0, { takesMs: 3, fails: 'overloaded' }, replica);
    const deadlineMs = world.time.nowMs() + 50;
    await world.time.run(world.reads.query(REPLICATED, QUERY, { consistency: EVENTUAL, deadlineMs }));
    expect(world.sent.map(({ budgetMs }) => budgetMs)).toEqual([23.75, 44.65]);
    world.behave(0, { takesMs: 3, fails: undefined });
    // What the shard said has run out by then.
    await world.time.run(world.time.sleep(1_000));
    await world.time.run(world.reads.query(MANIFEST, QUERY, { consistency: STRONG, deadlineMs: world.time.nowMs() + 1 }));
    expect(world.sent.at(-1)!.budgetMs).toBe(0);
  });

  it('[OL5] asks no shard that said it would refuse, until its word is out or a caller waits longer', async () => {
    const world = new MemberWorld();
    world.behave(0, { takesMs: 1, fails: 'overloaded' });
    const ask = (budgetMs: number) =>
      world.time.run(world.reads.query(MANIFEST, QUERY, { consistency: STRONG, deadlineMs: world.time.nowMs() + budgetMs }));
    const refused = async (budgetMs: number) => {
      const outcome = await ask(budgetMs);
      return outcome.ok ? undefined : outcome.error;
    };
    // Without a word of its own, an object that refuses is busy for `refusedReadMs`.
    expect(await refused(50)).toMatchObject({ code: 'overloaded', retryAfterMs: VECTOR_LIMITS.refusedReadMs });
    expect(world.sent).toHaveLength(1);
    await world.time.run(world.time.sleep(40));
    expect(await refused(50)).toMatchObject({ code: 'overloaded', retryAfterMs: 60 });
    expect(world.sent).toHaveLength(1);
    world.behave(0, { takesMs: 1, fails: undefined });
    expect((await ask(500)).ok).toBe(true);
    expect(world.sent).toHaveLength(2);
    await world.time.run(world.time.sleep(VECTOR_LIMITS.refusedReadMs));
    expect((await ask(50)).ok).toBe(true);
  });

  it('[F33] asks faster members more often, and keeps trying the others', async () => {
    const world = new MemberWorld();
    world.behave(0, { takesMs: 40 });
    world.behave(0, { takesMs: 10 }, 1);
    world.behave(0, { takesMs: 2 }, 2);
    for (let n = 0; n < 200; n += 1) await world.time.run(world.reads.query(REPLICATED, QUERY, { consistency: EVENTUAL }));
    const times = (replica: number | null) => world.asked.filter((member) => member.replica === replica).length;
    expect(times(2)).toBeGreaterThan(150);
    expect(times(null)).toBeGreaterThan(0);
    // The fastest replica becomes slow, so another one is now the fastest.
    world.behave(0, { takesMs: 100 }, 2);
    world.asked.length = 0;
    for (let n = 0; n < 100; n += 1) await world.time.run(world.reads.query(REPLICATED, QUERY, { consistency: EVENTUAL }));
    expect(times(2)).toBeLessThan(20);
  });

  it('[F22] asks the shard itself if a replica lacks the requested LSN or is gone', async () => {
    const world = new MemberWorld();
    world.vectors.set(0, [{ id: 'a', values: [1, 0] }]);
    for (const replica of [1, 2]) world.behave(0, { fails: 'unavailable' }, replica);
    for (let n = 0; n < 10; n += 1) {
      const found = await world.time.run(world.reads.query(REPLICATED, QUERY, { consistency: { kind: 'min-lsn', lsn: 4 } }));
      expect(value(found).ids).toEqual(['a']);
    }
    expect(world.fanOut.counts.failovers).toBeGreaterThan(0);
    expect(world.fanOut.counts.hedges).toBe(0);
  });

  it('[F34] states the lowest LSN of the replicas asked, or else the highest of the shards', async () => {
    const world = new MemberWorld();
    for (const [shard, lsn] of [9, 4, 12].entries()) world.behave(shard, { lsn });
    world.behave(0, { lsn: 5 }, 1);
    world.behave(0, { lsn: 6 }, 2);
    const search = (consistency: ReadConsistency) =>
      world.time.run(searchGroup(world.reads, { manifest: REPLICATED, shards: [0, 1, 2], query: QUERY, consistency, budgetMs: 100 }));
    expect(value(await search(STRONG)).lsn).toBe(12);
    const seen = new Set<number>();
    for (let n = 0; n < 12; n += 1) seen.add(value(await search(EVENTUAL)).lsn);
    expect(seen).toEqual(new Set([5, 6, 12]));
  });

  it('[F45] an only shard is read without a timer, unless a deadline is set or a replica may answer', async () => {
    const world = new MemberWorld();
    world.vectors.set(0, [{ id: 'a', values: [1, 0] }]);
    let timers = 0;
    const timer = {
      after: (delayMs: number, then: () => void) => {
        timers += 1;
        return world.time.after(delayMs, then);
      },
    };
    const fanOut = new FanOut(world.time, timer);
    const reads = new ShardReads({ members: world, fanOut, choice: new MemberChoice(), clock: world.time, near: () => 'weur' });
    const query = async (manifest: IndexManifest, reading?: Reading) => {
      timers = 0;
      expect(value(await world.time.run(reads.query(manifest, QUERY, reading))).ids).toEqual(['a']);
      return timers;
    };
    expect(await query(MANIFEST)).toBe(0);
    expect(world.sent.at(-1)).toEqual({ ...QUERY, near: 'weur' });
    expect(await query(MANIFEST, { consistency: EVENTUAL })).toBe(0);
    expect(await query(REPLICATED)).toBe(0);
    expect(await query(REPLICATED, { consistency: EVENTUAL })).toBeGreaterThan(0);
    expect(await query(MANIFEST, { consistency: STRONG, deadlineMs: world.time.nowMs() + 50 })).toBe(1);
    const fetch = { indexId: MANIFEST.id, namespace: '', ids: ['a'], include };
    timers = 0;
    expect(value(await world.time.run(reads.fetch(MANIFEST, fetch))).ids).toEqual(['a']);
    expect([timers, fanOut.counts.calls]).toEqual([0, 6]);
    // A shard that hangs is not waited for beyond the deadline.
    world.behave(0, { takesMs: 1_000_000 });
    const late = await world.time.run(reads.query(MANIFEST, QUERY, { consistency: STRONG, deadlineMs: world.time.nowMs() + 50 }));
    expect(late).toMatchObject({ error: { code: 'deadline_exceeded' } });
  });

  it.each(['unavailable', 'overloaded', 'deadline_exceeded', 'index_not_found'] as const)(
    '[F45] an only shard that answers %s is refused as with a deadline',
    async (code) => {
      const world = new MemberWorld();
      world.behave(0, { takesMs: 1, fails: code });
      const plain = await world.time.run(world.reads.query(MANIFEST, QUERY));
      const deadlineMs = world.time.nowMs() + 100;
      const guarded = await world.time.run(world.reads.query(MANIFEST, QUERY, { consistency: STRONG, deadlineMs }));
      expect(plain).toEqual(guarded);
      expect(plain).toMatchObject({ error: { code } });
    },
  );

  it('[F35] sends only the vector, not the rest of its buffer', async () => {
    const world = new MemberWorld();
    const values = new Float32Array(1_000_000).subarray(10, 12);
    await world.time.run(world.reads.query(MANIFEST, { ...QUERY, target: { kind: 'values', values } }));
    const [sent] = world.sent;
    expect(sent!.target.kind === 'values' && sent!.target.values.buffer.byteLength).toBe(8);
  });
});
