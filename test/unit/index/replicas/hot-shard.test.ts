import { expect, it } from 'vitest';

import type { Seeded } from '../../../../src/kernel/seeded.ts';
import { HotShardSimulation, quantileMs } from '../../../support/worlds/hot-shard-simulation.ts';

const OPTIONS = {
  shards: 16,
  zipf: 1.1,
  phases: [
    { seconds: 60, qps: 400 },
    { seconds: 130, qps: 12 },
  ],
  serviceMs: (random: Seeded) => 3.3 + random.next() * 5.5,
  networkMs: (random: Seeded) => 0.5 + random.next(),
  pageMs: 20,
  pages: 40,
  seed: 1,
};

/** More than the hottest of 16 shards can serve: it gets 0.33 of the load. */
const OVERLOAD = 1.6;

it('[F42] an overloaded object answers as many reads in time as it can, and its replica is ready soon', async () => {
  const capacity = 1_000 / 6.05;
  const qps = (OVERLOAD * capacity) / 0.33;
  const overloaded = { ...OPTIONS, phases: [{ seconds: 40, qps }], hasReplicas: true, budgetMs: 100 };
  const [plain, ordered] = [
    await new HotShardSimulation({ ...overloaded, hasTurns: false }).run(),
    await new HotShardSimulation(overloaded).run(),
  ];
  expect(plain.readyAfterMs).toBe(undefined);
  expect(ordered.readyAfterMs).toBeLessThan(20_000);
  const answered = ({ seconds }: typeof plain) => seconds.reduce((sum, { latenciesMs }) => sum + latenciesMs.length, 0) / seconds.length;
  // Reads answered by the hottest shard before there is a replica: the other shards have spare capacity.
  const byHottest = (result: typeof plain) => answered({ ...result, seconds: result.seconds.slice(2, 12) }) - 0.67 * qps;
  expect(byHottest(plain)).toBeLessThan(0.1 * capacity);
  expect(byHottest(ordered)).toBeGreaterThan(0.85 * capacity);
  // With replicas, almost no read is refused.
  expect(answered({ ...ordered, seconds: ordered.seconds.slice(-5) })).toBeGreaterThan(0.97 * qps);
});

it('[F27] replicas shorten the queue of a shard while it is hot, and retire when it is cold', async () => {
  const [plain, replicated] = [
    await new HotShardSimulation({ ...OPTIONS, phases: OPTIONS.phases.slice(0, 1), hasReplicas: false }).run(),
    await new HotShardSimulation({ ...OPTIONS, hasReplicas: true }).run(),
  ];
  const lastOf = (result: typeof plain) => result.seconds.slice(40, 60).flatMap(({ latenciesMs }) => latenciesMs);
  const [before, after] = [quantileMs(lastOf(plain), 0.99), quantileMs(lastOf(replicated), 0.99)];
  // The hottest of 16 shards gets 0.33 of the load, which is 0.8 of its capacity: its queue is sometimes long.
  expect(before).toBeGreaterThan(40);
  expect(after).toBeLessThan(before / 2);
  expect(replicated.readyAfterMs).toBeLessThan(20_000);
  expect(replicated.seconds[59]!.replicas).toBeGreaterThan(0);
  expect(replicated.seconds.at(-1)!.replicas).toBe(0);
  expect([plain.failed, replicated.failed]).toEqual([0, 0]);
  expect(replicated.hedges).toBeLessThan(replicated.calls * 0.06);
});
