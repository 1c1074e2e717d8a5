import { describe, expect, it } from 'vitest';

import { FanOut } from '../../../../src/index/fan-out/fan-out.ts';
import type { Leaf } from '../../../../src/index/fan-out/fan-out.ts';
import { VECTOR_LIMITS } from '../../../../src/contract/vectors/vector-limits.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { Seeded } from '../../../../src/kernel/seeded.ts';
import { VirtualTime } from '../../../support/worlds/virtual-time.ts';

const NEVER_MS = 1e9;

/** Shards that answer their name after a delay, or fail. */
class World {
  readonly time = new VirtualTime();
  readonly fanOut = new FanOut(this.time, this.time);
  readonly random = new Seeded(7);

  answer(what: string, afterMs: number): () => Promise<Outcome<string>> {
    return async () => {
      await this.time.sleep(afterMs);
      return ok(what);
    };
  }

  fail(code: Parameters<typeof refuse>[0], afterMs: number): () => Promise<Outcome<string>> {
    return async () => {
      await this.time.sleep(afterMs);
      return refuse(code, 'as told');
    };
  }

  leaf(shard: number, afterMs: number, spareMs?: number): Leaf<string> {
    const askSpare = spareMs === undefined ? undefined : this.answer(`spare ${shard}`, spareMs);
    return { shard, ask: this.answer(`shard ${shard}`, afterMs), askSpare };
  }

  /** The answers gathered, and how long that took. */
  async gather(leaves: readonly Leaf<string>[], budgetMs = 100) {
    const startedMs = this.time.nowMs();
    const outcome = await this.time.run(this.fanOut.gather(leaves, startedMs + budgetMs));
    return { outcome, tookMs: this.time.nowMs() - startedMs };
  }

  /** Makes fast calls until the fan-out knows what is slow. */
  async learn(calls = 100): Promise<void> {
    for (let at = 0; at < calls; at += 10) {
      await this.gather(Array.from({ length: 10 }, (_, shard) => this.leaf(shard, 4 + this.random.next() * 2)));
    }
  }
}

const valueOf = <T>(outcome: Outcome<T>): T => {
  if (!outcome.ok) throw new Error(outcome.error.code);
  return outcome.value;
};

describe('FanOut', () => {
  it('[F10] asks all shards at once and answers in their order when the last has answered', async () => {
    const world = new World();
    const { outcome, tookMs } = await world.gather([world.leaf(3, 9), world.leaf(1, 2), world.leaf(2, 5)]);
    expect(valueOf(outcome)).toEqual({
      answers: [3, 1, 2].map((shard) => ({ shard, value: `shard ${shard}`, fromSpare: false })),
      missing: [],
    });
    expect(tookMs).toBe(9);
    expect(world.fanOut.counts).toEqual({ calls: 3, hedges: 0, hedgesWon: 0, failovers: 0, partials: 0 });
  });

  it('[F11] answers at the deadline without a slow shard, and names it', async () => {
    const world = new World();
    const { outcome, tookMs } = await world.gather([world.leaf(0, 3), world.leaf(1, NEVER_MS), world.leaf(2, 4)], 50);
    expect(valueOf(outcome).missing).toEqual([1]);
    expect(valueOf(outcome).answers.map(({ shard }) => shard)).toEqual([0, 2]);
    expect(tookMs).toBe(50);
    expect(world.fanOut.counts.partials).toBe(1);
  });

  it('[F11] answers without a dead shard as soon as the others have answered', async () => {
    const world = new World();
    const dead = { shard: 1, ask: world.fail('unavailable', 1) };
    const { outcome, tookMs } = await world.gather([world.leaf(0, 3), dead]);
    expect(valueOf(outcome).missing).toEqual([1]);
    expect(tookMs).toBe(3);
  });

  it('[F12] refuses with `unavailable` when all are dead, with `deadline_exceeded` when none is in time', async () => {
    const world = new World();
    const dead = [0, 1, 2].map((shard) => ({ shard, ask: world.fail('unavailable', shard), askSpare: world.fail('unavailable', 2) }));
    const refused = await world.gather(dead);
    expect(refused.outcome).toMatchObject({ ok: false, error: { code: 'unavailable' } });
    expect(refused.tookMs).toBe(4);
    const late = await world.gather([world.leaf(0, NEVER_MS), world.leaf(1, NEVER_MS)], 20);
    expect(late.outcome).toMatchObject({ ok: false, error: { code: 'deadline_exceeded' } });
    expect(late.tookMs).toBe(20);
    // One dead, the other late.
    const mixed = await world.gather([...dead.slice(0, 1), world.leaf(1, NEVER_MS)], 20);
    expect(mixed.outcome).toMatchObject({ ok: false, error: { code: 'deadline_exceeded' } });
    expect(world.fanOut.counts.partials).toBe(0);
  });

  it('[F12] returns any other refusal of a shard at once, and throws what a shard throws', async () => {
    const world = new World();
    const refused = await world.gather([world.leaf(0, 50), { shard: 1, ask: world.fail('index_not_found', 2) }]);
    expect(refused.outcome).toMatchObject({ ok: false, error: { code: 'index_not_found' } });
    expect(refused.tookMs).toBe(2);
    const defect = { shard: 1, ask: () => Promise.reject(new RangeError('a defect')) };
    await expect(world.gather([world.leaf(0, 50), defect])).rejects.toThrow(RangeError);
  });

  it('[F13] hedges when a shard is so late that its spare may be faster; the first answer counts', async () => {
    const world = new World();
    await world.learn();
    const lateMs = world.fanOut.lateMs!;
    // All calls took about as long: a call is late only when it takes longer than any of them.
    expect(lateMs).toBeGreaterThan(9);
    expect(lateMs).toBeLessThan(14);
    const won = await world.gather([world.leaf(0, 4), world.leaf(1, 80, 5)]);
    expect(valueOf(won.outcome).answers[1]).toEqual({ shard: 1, value: 'spare 1', fromSpare: true });
    expect(won.tookMs).toBeCloseTo(lateMs + 5, 9);
    expect(world.fanOut.counts).toMatchObject({ hedges: 1, hedgesWon: 1, partials: 0 });
    const lost = await world.gather([world.leaf(0, 4), world.leaf(1, 16, 20)]);
    expect(valueOf(lost.outcome).answers[1]).toEqual({ shard: 1, value: 'shard 1', fromSpare: false });
    expect(lost.tookMs).toBe(16);
    expect(world.fanOut.counts).toMatchObject({ hedges: 2, hedgesWon: 1 });
    // A fast shard gets no hedge.
    await world.gather([world.leaf(0, 4, 1)]);
    expect(world.fanOut.counts.hedges).toBe(2);
  });

  it('[F13] does not hedge without measured calls', async () => {
    const world = new World();
    const { tookMs } = await world.gather([world.leaf(0, 80, 1)]);
    expect([tookMs, world.fanOut.counts.hedges]).toEqual([80, 0]);
  });

  it('[F14] hedges at most a share of all calls, and a few in a burst', async () => {
    const world = new World();
    await world.learn();
    const before = world.fanOut.counts.calls;
    // An overload: suddenly, every call is slow.
    const leaves = Array.from({ length: 10 }, (_, shard) => world.leaf(shard, 40, 30));
    const deadlineMs = world.time.nowMs() + 1_000;
    await world.time.run(Promise.all(Array.from({ length: 100 }, () => world.fanOut.gather(leaves, deadlineMs))));
    const { calls, hedges } = world.fanOut.counts;
    const made = calls - before - hedges;
    expect(made).toBe(1_000);
    expect(hedges).toBe(VECTOR_LIMITS.hedgeBurstMaxCount);
    // After many slow calls, that duration is normal.
    expect(world.fanOut.slowMs).toBeGreaterThan(40);
    for (let query = 0; query < 40; query += 1) await world.gather([...leaves.slice(1), world.leaf(0, 400, 30)], 1_000);
    const more = world.fanOut.counts.hedges - hedges;
    expect(more).toBeGreaterThan(10);
    expect(more).toBeLessThanOrEqual(VECTOR_LIMITS.hedgeShareMax * 400);
  });

  it('[F15] asks the spare of a shard that fails, which does not count as a hedge', async () => {
    const world = new World();
    for (let query = 0; query < 50; query += 1) {
      const leaf = { shard: 0, ask: world.fail('unavailable', 1), askSpare: world.answer('spare 0', 3) };
      const { outcome, tookMs } = await world.gather([leaf]);
      expect(valueOf(outcome).answers[0]!.value).toBe('spare 0');
      expect(tookMs).toBe(4);
    }
    expect(world.fanOut.counts).toMatchObject({ failovers: 50, hedges: 0, partials: 0 });
  });

  it('[F43] treats an overloaded shard as missing, and is overloaded if all are', async () => {
    const world = new World();
    const busy = { shard: 0, ask: world.fail('overloaded', 1), askSpare: world.fail('overloaded', 1) };
    const dead = { shard: 1, ask: world.fail('unavailable', 1) };
    const some = await world.gather([busy, world.leaf(2, 5)]);
    expect(valueOf(some.outcome).missing).toEqual([0]);
    expect(world.fanOut.counts).toMatchObject({ failovers: 1, hedges: 0, partials: 1 });
    const none = await world.gather([busy, dead]);
    expect(none.outcome.ok ? null : none.outcome.error).toMatchObject({ code: 'overloaded', retryAfterMs: VECTOR_LIMITS.refusedReadMs });
    const late = await world.gather([busy, world.leaf(1, NEVER_MS)]);
    expect(late.outcome.ok ? null : late.outcome.error.code).toBe('deadline_exceeded');
  });

  it('[F13] shortens the tail of many shards that stall sometimes by hedging within its budget', async () => {
    const shards = 16;
    const tails = { plain: [] as number[], hedged: [] as number[] };
    for (const kind of ['plain', 'hedged'] as const) {
      const world = new World();
      const took = () => (world.random.next() < 0.01 ? 60 + world.random.next() * 40 : 3 + world.random.next() * 2);
      for (let query = 0; query < 500; query += 1) {
        const leaves = Array.from({ length: shards }, (_, shard) => world.leaf(shard, took(), kind === 'hedged' ? took() : undefined));
        tails[kind].push((await world.gather(leaves, 1_000)).tookMs);
      }
      const { calls, hedges } = world.fanOut.counts;
      if (kind === 'hedged') {
        expect(hedges).toBeGreaterThan(0);
        expect(hedges / (calls - hedges)).toBeLessThan(VECTOR_LIMITS.hedgeShareMax + 0.002);
      }
    }
    const quantile = (values: number[], share: number) => values.toSorted((a, b) => a - b)[Math.floor(share * values.length)]!;
    // In 15 % of the queries one of the 16 shards is slow.
    expect(quantile(tails.plain, 0.95)).toBeGreaterThan(60);
    expect(quantile(tails.hedged, 0.95)).toBeLessThan(15);
  });
});
