import { describe, expect, it } from 'vitest';

import { Seeded } from '../../../src/kernel/seeded.ts';
import { SharedUpstreamLimits } from '../../../src/gateway/upstreams/shared-upstream-limits.ts';
import type { UpstreamUses } from '../../../src/gateway/upstreams/shared-upstream-limits.ts';
import { SqliteSharedUse } from '../../../src/tenancy/quota/sqlite-shared-use.ts';
import type { UpstreamLimits } from '../../../src/upstreams/target.ts';
import { seeds } from '../../support/fixtures/effort.ts';
import { NodeSql } from '../../support/fakes/node-sql.ts';
import { planOf, targetOf, UpstreamWorld } from '../../support/worlds/upstream-world.ts';
import type { VirtualTime } from '../../support/worlds/virtual-time.ts';

/** What counts the uses of an upstream, at the end of a network that takes its time, and at times loses a message or an answer. */
function countedOver(time: VirtualTime, random: Seeded, lossShare: number) {
  const storage = new NodeSql();
  // An object that is evicted between any two calls keeps nothing but its storage.
  const stored = () => new SqliteSharedUse(storage);
  const isLost = () => random.next() < lossShare;
  const uses: UpstreamUses = {
    begin: async (ask) => {
      await time.sleep(1 + Math.floor(random.next() * 3));
      if (isLost()) throw new Error('the message was lost');
      const answer = stored().begin(ask, time.nowMs());
      if (isLost()) throw new Error('the answer was lost');
      await time.sleep(1);
      return answer;
    },
    end: async (id, unused) => {
      await time.sleep(1 + Math.floor(random.next() * 3));
      if (isLost()) throw new Error('the message was lost');
      stored().end(id, unused, time.nowMs());
    },
  };
  let ids = 0;
  return new SharedUpstreamLimits({
    uses: () => uses,
    newId: () => `use ${(ids += 1)}`,
    timer: time,
    background: (work) => void work,
  });
}

/** Isolates, each with a dispatcher of its own, that call one upstream in the same time. */
function isolates(count: number, seed: number, lossShare: number): UpstreamWorld[] {
  const first = new UpstreamWorld(seed);
  const shared = countedOver(first.time, first.random, lossShare);
  return Array.from({ length: count }, (_, n) => new UpstreamWorld(seed + n, shared, first.time));
}

interface Load {
  readonly limits: UpstreamLimits;
  readonly requests: number;
  readonly everyMs: number;
  readonly lossShare?: number;
}

async function loaded(seed: number, { limits, requests, everyMs, lossShare = 0 }: Load) {
  const worlds = isolates(4, seed, lossShare);
  const time = worlds[0]!.time;
  const random = new Seeded(seed);
  const underWay = { now: 0, peak: 0 };
  const taken = new Map<number, { requests: number; tokens: number }>();
  const target = targetOf('a', { limits, timeouts: { connectMs: 1_000, firstTokenMs: 1_000, idleMs: 1_000, totalMs: 3_000 } });
  for (const world of worlds) {
    world.script = () => ({ headMs: Math.floor(random.next() * 60), pieces: 2, pieceMs: Math.floor(random.next() * 60) });
    world.onOpen = () =>
      (underWay.peak = Math.max(
        underWay.peak,
        worlds.reduce((sum, { outstanding }) => sum + (outstanding.get('a') ?? 0), 1),
      ));
  }
  const send = async (world: UpstreamWorld) => {
    const tokensMax = 50 + Math.floor(random.next() * 100);
    const tokensUsed = Math.floor(random.next() * tokensMax);
    const served = await world.send(planOf([target]), { tokensMax, tokensUsed });
    if (!served.result.ok) return served.result.error.refusal.code;
    // What a call may take counts in the minute in which it was sent, until it is known what it took.
    const minute = Math.floor(world.openedAtMs(served.request) / 60_000);
    const sum = taken.get(minute) ?? { requests: 0, tokens: 0 };
    taken.set(minute, { requests: sum.requests + 1, tokens: sum.tokens + tokensUsed });
    return 'served';
  };
  const codes = await time.run(
    (async () => {
      const sent: Promise<string>[] = [];
      for (let request = 0; request < requests; request += 1) {
        await time.sleep(Math.floor(random.next() * 2 * everyMs));
        sent.push(send(worlds[Math.floor(random.next() * worlds.length)]!));
      }
      return Promise.all(sent);
    })(),
  );
  return { worlds, codes, peak: underWay.peak, taken };
}

describe('the limits of an upstream over several isolates', () => {
  it.each(seeds(5))('[U61] never more calls at once than its concurrency, and all are served (seed %d)', async (seed) => {
    const { codes, peak } = await loaded(seed, { limits: { concurrency: 3 }, requests: 120, everyMs: 30 });
    expect(peak).toBe(3);
    expect(new Set(codes)).toEqual(new Set(['served']));
  });

  it.each(seeds(3))('[U61] nor where messages are lost: their permits are free after the time of a call (seed %d)', async (seed) => {
    const { codes, peak } = await loaded(seed, { limits: { concurrency: 3 }, requests: 80, everyMs: 400, lossShare: 0.05 });
    expect(peak).toBeLessThanOrEqual(3);
    expect(codes.filter((code) => code === 'served').length).toBeGreaterThan(60);
  });

  it.each(seeds(3))('[U61] never more requests are sent in a minute than it takes, and no fewer (seed %d)', async (seed) => {
    const { codes, taken } = await loaded(seed, { limits: { requestsPerMinute: 40 }, requests: 200, everyMs: 1_000 });
    for (const { requests } of taken.values()) expect(requests).toBeLessThanOrEqual(40);
    expect(Math.max(...[...taken.values()].map(({ requests }) => requests))).toBe(40);
    expect(new Set(codes)).toEqual(new Set(['served', 'upstream_busy']));
  });

  it.each(seeds(3))('[U61] never more tokens a minute than it takes, and what is unused is used (seed %d)', async (seed) => {
    const { taken } = await loaded(seed, { limits: { tokensPerMinute: 2_000 }, requests: 200, everyMs: 1_000 });
    const tokens = [...taken.values()].map((sum) => sum.tokens);
    expect(Math.max(...tokens)).toBeLessThanOrEqual(2_000);
    // Bounds alone, which are twice of what is taken, would fill half of a minute.
    expect(Math.max(...tokens)).toBeGreaterThan(1_500);
  });

  it('[U61] refuses a request that alone is more than a minute takes, unless another upstream takes it', async () => {
    const [world] = isolates(1, 1, 0);
    const small = targetOf('a', { limits: { tokensPerMinute: 99 } });
    const refused = await world!.run(world!.send(planOf([small]), { tokensMax: 100 }));
    expect(refused.result).toMatchObject({ ok: false, error: { refusal: { code: 'limit_exceeded', limit: { bound: 99 }, value: 100 } } });
    const served = await world!.run(world!.send(planOf([small], [targetOf('b')]), { tokensMax: 100 }));
    expect(served.result).toMatchObject({ ok: true, value: { target: { upstream: 'b' } } });
    expect(world!.calls).toEqual({ b: 1 });
  });

  it('[U61] sends nothing while what counts cannot be reached', async () => {
    const [world] = isolates(1, 1, 1);
    const refused = await world!.run(
      world!.send(planOf([targetOf('a', { limits: { requestsPerMinute: 5 } })]), { deadlineMs: world!.nowMs + 5_000 }),
    );
    expect([refused.result.ok, world!.seen]).toEqual([false, []]);
  });
});
